#pragma once

#include "support/wait.hpp"

#include <fairlead/delivery.hpp>
#include <fairlead/outcome.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace fairlead::test {

/// A Delivery that outlives its handler.
struct Seen {
  std::string payload;
  std::string key;
  Headers headers;
  std::string id;
  std::string idempotency_key;
  std::string content_type;
  std::string routing_key;
  std::string traceparent;
  std::string destination;
  std::string group;
  std::int32_t partition = -1;
  std::int64_t position = -1;
  std::chrono::system_clock::time_point timestamp;
  std::uint32_t attempt = 0;
  bool redelivered = false;

  [[nodiscard]] static Seen copy_of(Delivery const& delivery);
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// Keeps what handlers saw, in the order in which they began. Copies share one record. Thread-safe.
class Recorder {
 public:
  using Decide = std::function<Outcome(Seen const&)>;

  Recorder();

  /// Records the message, then answers what `decide` says; without one, `ack`.
  [[nodiscard]] Handler handler(Decide decide = {}) const;
  /// Records the message, waits until the gate is open, and acks.
  [[nodiscard]] Handler handler_behind(Gate gate) const;

  [[nodiscard]] std::size_t begun() const;
  [[nodiscard]] std::size_t finished() const;
  [[nodiscard]] std::vector<Seen> seen() const;
  [[nodiscard]] std::vector<std::string> payloads() const;
  [[nodiscard]] std::set<std::string> distinct_payloads() const;
  [[nodiscard]] bool has(std::string_view payload) const;

  /// The most handlers that ever ran at once.
  [[nodiscard]] std::size_t most_at_once() const;
  /// Two handlers of one key ran at the same time.
  [[nodiscard]] bool overlapped_within_a_key() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fairlead::test
