#include "amqp/amqp_sink.hpp"

#include "amqp/topology.hpp"
#include "core/murmur2.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace fairlead::amqp {

namespace {

/// The queue of a dead letter, or what the queues of a retry's group have in common.
std::string queue_of(DestinationPlan const& plan) {
  switch (plan.kind) {
    case DestinationPlan::Kind::kDestination: return {};
    case DestinationPlan::Kind::kDeadLetter: return plan.name;
    case DestinationPlan::Kind::kRetry: return plan.destination + "." + plan.groups.front().name;
  }
  return {};
}

}  // namespace

AmqpSink::AmqpSink(DestinationPlan const& plan, std::shared_ptr<PublishChannel> channel)
    : channel_(std::move(channel)),
      exchange_(exchange_name(plan)),
      queue_(queue_of(plan)),
      encoder_(exchange_),
      partitions_(plan.config.partitions),
      // A copy of a message keeps its priority, whether or not its queue heeds it.
      takes_priorities_(plan.kind != DestinationPlan::Kind::kDestination ||
                        plan.config.amqp.queue_type == QueueType::kClassic) {
  if (!queue_.empty()) encoder_.carry_routing_key_as_header();
}

Result<void> AmqpSink::publish(Outbound const& message, PendingPublish& pending) {
  if (message.priority && !takes_priorities_) {
    return Error{Errc::kUnsupported, "priority needs `amqp.queue_type: classic` on the destination", false, false, 0};
  }
  auto const words = queue_.empty() ? message.routing_key : std::string_view(queue_);
  if (partitions_ <= 1) return channel_->publish(encoder_, exchange_, words, message, pending);

  // The partition is the last word; with_partition() without its allocation.
  constexpr std::size_t kDigits = 4;  // up to 1024 partitions
  std::array<char, kShortStringMax + 1 + 1 + kDigits> key;
  if (words.size() > kShortStringMax) return channel_->publish(encoder_, exchange_, words, message, pending);
  words.copy(key.data(), words.size());
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
