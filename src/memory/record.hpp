#pragma once

#include "consume/inbound.hpp"
#include "publish/sink.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// One message as it lies in the log: immutable, shared by the log and by every delivery of it.
class Record {
 public:
  /// Copies the message; the caller holds the first reference.
  static Record* make(Outbound const& message, std::int32_t partition);

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() + sizeof(Record); }
  /// Points the delivery at this record, which it retains.
  void fill(Inbound& delivery) noexcept;

 private:
  Record() = default;
  std::string_view append(std::string_view text);

  std::atomic<std::uint32_t> references_{1};
  std::string bytes_;  // everything the views point into
  std::string_view payload_, key_, id_, idempotency_key_, content_type_, routing_key_, traceparent_;
  std::vector<HeaderView> headers_;
  std::int32_t partition_ = 0;
  std::int64_t timestamp_ms_ = 0;
  std::int64_t expires_at_ms_ = 0;
};

}  // namespace fairlead
