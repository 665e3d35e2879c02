#include "amqp/amqp_sink.hpp"

#include "amqp/topology.hpp"
#include "core/murmur2.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace fairlead::amqp {

AmqpSink::AmqpSink(DestinationPlan const& plan, std::shared_ptr<PublishChannel> channel)
    : channel_(std::move(channel)),
      exchange_(exchange_name(plan)),
      dead_letter_queue_(plan.kind == DestinationPlan::Kind::kDeadLetter ? plan.name : std::string()),
      encoder_(exchange_),
      partitions_(plan.config.partitions),
      has_priorities_(plan.config.amqp.queue_type == QueueType::kClassic) {
  if (!dead_letter_queue_.empty()) encoder_.carry_routing_key_as_header();
}

Result<void> AmqpSink::publish(Outbound const& message, PendingPublish& pending) {
  if (message.priority && !has_priorities_) {
    return Error{Errc::kUnsupported, "priority needs `amqp.queue_type: classic` on the destination", false, false, 0};
  }
  if (!dead_letter_queue_.empty()) {
    return channel_->publish(encoder_, exchange_, dead_letter_queue_, message, pending);
  }
  if (partitions_ <= 1) return channel_->publish(encoder_, exchange_, message.routing_key, message, pending);

  // The partition is the last word; with_partition() without its allocation.
  constexpr std::size_t kDigits = 4;  // up to 1024 partitions
  std::array<char, kShortStringMax + 1 + 1 + kDigits> key;
  auto const& words = message.routing_key;
  if (words.size() > kShortStringMax) return channel_->publish(encoder_, exchange_, words, message, pending);
  std::memcpy(key.data(), words.data(), words.size());
  auto* end = key.data() + words.size();
  if (!words.empty()) *end++ = '.';
  end = std::to_chars(end, key.data() + key.size(), next_partition(message)).ptr;
  return channel_->publish(encoder_, exchange_, {key.data(), static_cast<std::size_t>(end - key.data())}, message,
                           pending);
}

std::int32_t AmqpSink::next_partition(Outbound const& message) noexcept {
  if (!message.key.empty()) return partition_of(message.key, partitions_);
  auto const turn = round_robin_.fetch_add(1, std::memory_order_relaxed);
  return static_cast<std::int32_t>(turn % static_cast<std::uint32_t>(partitions_));
}

}  // namespace fairlead::amqp
