#pragma once

#include "kafka/handles.hpp"
#include "kafka/producer_handle.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::kafka {

/// A publish that has to be made with the next handle, and its bytes.
struct Unfinished {
  PendingPublish* pending = nullptr;
  ProducerTopic const* topic = nullptr;
  std::string_view payload;
  std::string_view key;
  HeadersPtr headers;
  std::int64_t timestamp_ms = 0;    // 0: that of the handle
  std::unique_ptr<char[]> bytes{};  // payload and key, when nothing else holds them

  /// One that its handle reports; the bytes are the report's.
  [[nodiscard]] static Unfinished of(rd_kafka_message_t& message, ProducerTopic const& topic);
  /// One that no handle has taken yet.
  [[nodiscard]] static Unfinished copy_of(Outbound const& message, ProducerTopic const& topic, PendingPublish& pending);
};

/// What a handle did not finish before it failed for good. Its delivery reports still have the messages, so nothing is
/// copied: they are kept until the next handle has them. Thread-compatible.
class Salvage {
 public:
  using Clock = std::chrono::steady_clock;

  /// Whether a failure is the handle's and not the message's: the next handle may do better.
  [[nodiscard]] static bool is_worth_another_try(rd_kafka_resp_err_t code) noexcept;

  /// Its bytes are of a report that `keep` takes next.
  void add(Unfinished message) { messages_.push_back(std::move(message)); }
  void keep(EventPtr report, std::size_t messages) {
    reports_.push_back(std::move(report));
    held_ += messages;
  }

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
  /// Messages of the latest handle's reports that are kept: it goes on counting them.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }

  /// Publishes everything that has time until after `now` in the order it was first published in; what the handle
  /// refuses, or has no time, ends as failed. What is left afterwards met a handle that has failed again.
  void publish_again(ProducerHandle const& handle, Clock::time_point now, CompletionBatch& batch);
  /// All of it ends with that error.
  void fail(Error const& error, CompletionBatch& batch);

 private:
  std::vector<Unfinished> messages_;
  std::vector<EventPtr> reports_;
  std::size_t held_ = 0;
};

/// Hands the message over; `message` keeps its headers unless that worked.
[[nodiscard]] rd_kafka_resp_err_t produce(ProducerHandle const& handle, Unfinished& message) noexcept;

}  // namespace fairlead::kafka
