#pragma once

#include "consume/admission.hpp"
#include "consume/conclusion.hpp"
#include "consume/inbound.hpp"

#include <fairlead/outcome.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace fairlead {

class Consumption;

/// The consume chain around a handler, in this order: envelope, expiry, trace, deduplication, and behind the handler
/// what its outcome asks for. Between `before` and `after` any number of messages may be open. Owned by its thread.
class ConsumeChain {
 public:
  using Clock = std::chrono::steady_clock;

  ConsumeChain(Consumption& consumption, std::uint64_t seed);

  /// Nothing when the message is to be handled now and its outcome given to `after`; else what became of it.
  [[nodiscard]] std::optional<Conclusion> before(Inbound& message, Admission::Permits permits);
  /// `duration` of the handler, for the log.
  [[nodiscard]] Conclusion after(Inbound& message, Outcome outcome, std::optional<Clock::duration> duration);

  /// Instead of `after`: the message was not given to its handler after all.
  [[nodiscard]] Conclusion not_begun(Inbound& message);

  /// Successful handlings are recorded too, so their durations are wanted. Asked once per batch.
  [[nodiscard]] bool records_success() const noexcept { return records_success_; }
  void begin_batch() noexcept;

 private:
  [[nodiscard]] std::optional<Conclusion> deduplicate(Inbound& message, Admission::Permit permit);
  [[nodiscard]] Conclusion mark(Inbound& message);
  [[nodiscard]] Conclusion forward(Inbound& message);
  [[nodiscard]] Conclusion wait(Inbound& message, std::chrono::milliseconds delay) const noexcept;

  Consumption& consumption_;
  std::mt19937_64 random_;
  bool records_success_ = false;
};

}  // namespace fairlead
