#pragma once

#include "consume/inbound.hpp"
#include "publish/sink.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace fairlead {

class Record;
struct ReleaseRecord {
  void operator()(Record* record) const noexcept;
};
/// One reference to a record.
using RecordRef = std::unique_ptr<Record, ReleaseRecord>;

/// One message as it lies in the log: immutable, shared by the log and by every delivery of it. Its bytes lie behind it
/// in the same allocation.
class Record {
 public:
  [[nodiscard]] static RecordRef make(Outbound const& message);
  Record(Record const&) = delete;
  Record& operator=(Record const&) = delete;

  [[nodiscard]] RecordRef share() noexcept;
  /// What it takes of `memory.max_bytes`.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] std::int64_t timestamp_ms() const noexcept { return timestamp_ms_; }
  /// When a delayed retry may be delivered, in milliseconds since the epoch; 0 for at once.
  [[nodiscard]] std::int64_t due_at_ms() const noexcept { return due_at_ms_; }
  /// Points the delivery at this record, which it keeps alive.
  void fill(Inbound& delivery, RecordRef self) const;

  /// Its place among all records of the store; set once, when it is appended.
  std::uint64_t order = 0;

 private:
  friend struct ReleaseRecord;
  Record() = default;
  ~Record() = default;

  std::atomic<std::uint32_t> references_{1};
  std::size_t size_ = 0;
  std::string_view payload_, key_, id_, idempotency_key_, content_type_, routing_key_, traceparent_, only_group_;
  std::vector<HeaderView> headers_;
  bool has_envelope_ = false;  // among them
  std::int64_t timestamp_ms_ = 0;
  std::int64_t expires_at_ms_ = 0;
  std::int64_t due_at_ms_ = 0;
};

}  // namespace fairlead
