#include "amqp/topology.hpp"

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace fairlead::amqp {

namespace {

// With a priority queue, RabbitMQ keeps one queue per level: as many as PublishOptions::priority has.
constexpr std::int64_t kMaxPriority = 9;
// RabbitMQ 4 gives up on a message of a quorum queue after 20 deliveries: consumers that crash, with all that they have
// prefetched, and looks at dead letters use these up. Fairlead counts attempts itself, so there is no limit. Not a
// dead letter exchange behind the limit: messages past their time to live would go there too, which other brokers drop.
constexpr std::int64_t kDeliveryLimit = std::numeric_limits<std::int32_t>::max();

std::string quoted(std::string_view what, std::string_view name) {
  return std::string(what) + " '" + std::string(name) + "'";
}

/// Arguments of a queue. Entries point into the names and texts given, which must outlive it.
class Arguments {
 public:
  void text(std::string_view name, std::string_view value) {
    add(name, AMQP_FIELD_KIND_UTF8).value.value.bytes = to_bytes(value);
  }
  void boolean(std::string_view name, bool value) { add(name, AMQP_FIELD_KIND_BOOLEAN).value.value.boolean = value; }
  void number(std::string_view name, std::int64_t value) { add(name, AMQP_FIELD_KIND_I64).value.value.i64 = value; }
  /// Numbers and true/false as such, all else as text.
  void guess(std::string_view name, std::string_view value) {
    std::int64_t parsed = 0;
    auto const [end, status] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (status == std::errc{} && end == value.data() + value.size()) return number(name, parsed);
    if (value == "true" || value == "false") return boolean(name, value == "true");
    text(name, value);
  }
  [[nodiscard]] amqp_table_t table() noexcept { return {static_cast<int>(entries_.size()), entries_.data()}; }

 private:
  amqp_table_entry_t& add(std::string_view name, amqp_field_value_kind_t kind) {
    auto& entry = entries_.emplace_back();
    entry.key = to_bytes(name);
    entry.value.kind = static_cast<std::uint8_t>(kind);
    return entry;
  }
  std::vector<amqp_table_entry_t> entries_;
};

std::string_view exchange_type(ExchangeType type) noexcept {
  switch (type) {
    case ExchangeType::kTopic: return "topic";
    case ExchangeType::kDirect: return "direct";
    case ExchangeType::kFanout: return "fanout";
    case ExchangeType::kHeaders: return "headers";
  }
  return "topic";
}

/// What a group without bindings of its own is bound with.
std::string_view everything(ExchangeType type) noexcept { return type == ExchangeType::kTopic ? "#" : ""; }

Request declare_exchange(DestinationPlan const& plan) {
  amqp_exchange_declare_t declare{};
  declare.exchange = to_bytes(exchange_name(plan));
  declare.type = to_bytes(exchange_type(plan.config.amqp.type));
  declare.durable = 1;
  declare.passive = !plan.config.declare;
  return {encode_method(AMQP_EXCHANGE_DECLARE_METHOD, &declare), AMQP_EXCHANGE_DECLARE_OK_METHOD,
          quoted("declare exchange", exchange_name(plan))};
}

Request declare_queue(AmqpDestination const& settings, std::string_view queue, bool is_passive, bool is_single_active) {
  Arguments arguments;
  bool const is_classic = settings.queue_type == QueueType::kClassic;
  auto const number_unless_set = [&](std::string_view name, std::int64_t value) {
    if (!settings.queue_arguments.contains(name)) arguments.number(name, value);
  };
  arguments.text("x-queue-type", is_classic ? "classic" : "quorum");
  if (is_single_active) arguments.boolean("x-single-active-consumer", true);
  if (is_classic) {
    number_unless_set("x-max-priority", kMaxPriority);
  } else {
    number_unless_set("x-delivery-limit", kDeliveryLimit);
  }
  for (auto const& [name, value] : settings.queue_arguments) arguments.guess(name, value);
  amqp_queue_declare_t declare{};
  declare.queue = to_bytes(queue);
  declare.passive = is_passive;
  declare.durable = 1;
  declare.arguments = arguments.table();
  return {encode_method(AMQP_QUEUE_DECLARE_METHOD, &declare), AMQP_QUEUE_DECLARE_OK_METHOD,
          quoted("declare queue", queue)};
}

Request bind_queue(DestinationPlan const& plan, std::string_view queue, std::string_view key) {
  amqp_queue_bind_t bind{};
  bind.queue = to_bytes(queue);
  bind.exchange = to_bytes(exchange_name(plan));
  bind.routing_key = to_bytes(key);
  return {encode_method(AMQP_QUEUE_BIND_METHOD, &bind), AMQP_QUEUE_BIND_OK_METHOD, quoted("bind queue", queue)};
}

void add_group_queue(Script& script, DestinationPlan const& plan, GroupPlan const& group, std::int32_t partition) {
  auto const queue = queue_name(plan, group.name, partition);
  script.push_back(declare_queue(plan.config.amqp, queue, !plan.config.declare, group.ordering != Ordering::kNone));
  if (!plan.config.declare) return;
  auto const partitions = plan.config.partitions;
  for (auto const& words : group.bindings) {
    script.push_back(bind_queue(plan, queue, with_partition(words, partition, partitions)));
  }
  if (group.bindings.empty()) {
    auto const key = with_partition(everything(plan.config.amqp.type), partition, partitions);
    script.push_back(bind_queue(plan, queue, key));
  }
}

void add_dead_letter(Script& script, DestinationPlan const& plan, std::string_view queue) {
  // Not with the destination's own arguments: a length limit or a TTL must not eat dead letters.
  AmqpDestination settings;
  settings.queue_type = plan.config.amqp.queue_type;
  script.push_back(declare_queue(settings, queue, !plan.config.declare, false));
}

/// Published with the name of a group's queue as routing key, a message waits here and then goes to that queue.
void add_tier(Script& script, DestinationPlan plan) {
  // Quorum also where the destination is classic: only these queues keep an expired message until the queue behind has
  // confirmed it (`at-least-once`, which needs `reject-publish`).
  AmqpDestination settings;
  settings.queue_arguments = {{"x-message-ttl", std::to_string(plan.delay.count())},
                              {"x-dead-letter-exchange", ""},
                              {"x-dead-letter-strategy", "at-least-once"},
                              {"x-overflow", "reject-publish"}};
  plan.config.amqp.type = ExchangeType::kFanout;
  script.push_back(declare_exchange(plan));
  script.push_back(declare_queue(settings, plan.name, !plan.config.declare, false));
  if (plan.config.declare) script.push_back(bind_queue(plan, plan.name, {}));
}

/// Of a destination whose queues have an exchange.
bool has_exchange(DestinationPlan const& plan) noexcept {
  return plan.kind == DestinationPlan::Kind::kDestination ||
         (plan.kind == DestinationPlan::Kind::kRetry && plan.delay.count() > 0);
}

}  // namespace

std::string queue_name(DestinationPlan const& plan, std::string_view group, std::int32_t partition) {
  if (plan.kind == DestinationPlan::Kind::kDeadLetter) return plan.name;
  auto const& destination = plan.kind == DestinationPlan::Kind::kRetry ? plan.destination : plan.name;
  auto name = destination + "." + std::string(group);
  if (plan.config.partitions > 1) name += "." + std::to_string(partition);
  return name;
}

std::string_view exchange_name(DestinationPlan const& plan) noexcept {
  if (!has_exchange(plan)) return {};
  return plan.config.amqp.exchange.empty() ? std::string_view(plan.name) : plan.config.amqp.exchange;
}

std::string with_partition(std::string_view words, std::int32_t partition, int partitions) {
  if (partitions <= 1) return std::string(words);
  auto key = std::string(words);
  if (!key.empty()) key += '.';
  return key + std::to_string(partition);
}

Result<void> check_plan(DestinationPlan const& plan) {
  auto const refuse = [&plan](std::string_view setting, std::string_view reason) {
    return Error{Errc::kInvalidConfig,
                 "destinations." + plan.name + "." + std::string(setting) + ": " + std::string(reason), false, false,
                 0};
  };
  auto const& amqp = plan.config.amqp;
  if (amqp.queue_type == QueueType::kStream) return refuse("amqp.queue_type", "stream queues are not supported yet");
  bool const routes_by_key = amqp.type == ExchangeType::kTopic || amqp.type == ExchangeType::kDirect;
  if (plan.config.partitions > 1 && !routes_by_key) {
    return refuse("amqp.type", "partitions need an exchange that routes by key: topic or direct");
  }
  return {};
}

Script declare_destination(DestinationPlan const& plan) {
  Script script;
  if (plan.kind == DestinationPlan::Kind::kDeadLetter) {
    add_dead_letter(script, plan, plan.name);
    return script;
  }
  if (plan.kind == DestinationPlan::Kind::kRetry) {
    if (has_exchange(plan)) add_tier(script, plan);
    return script;
  }
  script.push_back(declare_exchange(plan));
  for (auto const& group : plan.groups) {
    if (group.name.empty()) continue;  // its queue comes with its consumer
    for (std::int32_t partition = 0; partition < plan.config.partitions; ++partition) {
      add_group_queue(script, plan, group, partition);
    }
    if (group.dead_letter) add_dead_letter(script, plan, dead_letter_name(plan.name, group.name));
  }
  return script;
}

Script declare_group_queue(DestinationPlan const& plan, GroupPlan const& group, std::int32_t partition) {
  if (plan.kind == DestinationPlan::Kind::kDeadLetter) return declare_destination(plan);
  Script script;
  script.push_back(declare_exchange(plan));
  add_group_queue(script, plan, group, partition);
  return script;
}

Script declare_anonymous_queue(DestinationPlan const& plan, std::string_view queue) {
  Script script;
  script.push_back(declare_exchange(plan));
  amqp_queue_declare_t declare{};
  declare.queue = to_bytes(queue);
  declare.exclusive = 1;
  declare.auto_delete = 1;
  script.push_back({encode_method(AMQP_QUEUE_DECLARE_METHOD, &declare), AMQP_QUEUE_DECLARE_OK_METHOD,
                    quoted("declare queue", queue)});
  if (plan.config.amqp.type == ExchangeType::kDirect && plan.config.partitions > 1) {
    for (std::int32_t partition = 0; partition < plan.config.partitions; ++partition) {
      script.push_back(bind_queue(plan, queue, with_partition({}, partition, plan.config.partitions)));
    }
    return script;
  }
  script.push_back(bind_queue(plan, queue, everything(plan.config.amqp.type)));
  return script;
}

Request request_qos(std::uint16_t prefetch) {
  amqp_basic_qos_t qos{};
  qos.prefetch_count = prefetch;
  return {encode_method(AMQP_BASIC_QOS_METHOD, &qos), AMQP_BASIC_QOS_OK_METHOD, "set prefetch"};
}

Request request_consume(std::string_view queue, std::string_view consumer_tag) {
  amqp_basic_consume_t consume{};
  consume.queue = to_bytes(queue);
  consume.consumer_tag = to_bytes(consumer_tag);
  return {encode_method(AMQP_BASIC_CONSUME_METHOD, &consume), AMQP_BASIC_CONSUME_OK_METHOD,
          quoted("consume queue", queue)};
}

Request request_queue_state(std::string_view queue) {
  amqp_queue_declare_t declare{};
  declare.queue = to_bytes(queue);
  declare.passive = 1;
  return {encode_method(AMQP_QUEUE_DECLARE_METHOD, &declare), AMQP_QUEUE_DECLARE_OK_METHOD,
          quoted("ask for queue", queue)};
}

Request request_confirms() {
  amqp_confirm_select_t select{};
  return {encode_method(AMQP_CONFIRM_SELECT_METHOD, &select), AMQP_CONFIRM_SELECT_OK_METHOD, "select confirms"};
}

}  // namespace fairlead::amqp
