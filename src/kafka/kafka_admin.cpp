#include "kafka/kafka_admin.hpp"

#include "kafka/kafka_error.hpp"
#include "kafka/start_position.hpp"
#include "observe/logging.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace fairlead::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLookAgain{20};

struct TopicState {
  bool exists = false;
  bool has_leaders = false;
  int partitions = 0;
};

std::string setting(DestinationPlan const& plan, char const* name) {
  auto const& configured = plan.destination.empty() ? plan.name : plan.destination;
  return "destinations." + configured + "." + name;
}

Error topic_error(rd_kafka_resp_err_t code, char const* what, std::string const& topic, char const* detail = nullptr) {
  return to_error(code, std::string(what) + " topic '" + topic + "'", detail != nullptr ? detail : "");
}

Result<TopicState> look_up(rd_kafka_t* client, std::string const& topic, Clock::time_point deadline) {
  TopicPtr const local(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (!local) return topic_error(rd_kafka_last_error(), "looking up", topic);
  rd_kafka_metadata_t const* raw = nullptr;
  auto const code = rd_kafka_metadata(client, 0, local.get(), &raw, milliseconds_until(deadline));
  MetadataPtr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return topic_error(code, "looking up", topic);
  if (metadata->topic_cnt != 1) return TopicState{};
  auto const& found = metadata->topics[0];
  switch (found.err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return TopicState{};
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: break;
    default: return topic_error(found.err, "looking up", topic);
  }
  TopicState state{true, found.partition_cnt > 0, found.partition_cnt};
  for (int i = 0; i < found.partition_cnt; ++i) state.has_leaders &= found.partitions[i].leader >= 0;
  return state;
}

Result<NewTopicPtr> describe(DestinationPlan const& plan, std::string const& topic) {
  char why[256];
  auto const& options = plan.config.kafka;
  NewTopicPtr wanted(
      rd_kafka_NewTopic_new(topic.c_str(), plan.config.partitions, options.replication_factor, why, sizeof why));
  if (!wanted) return Error{Errc::kInvalidConfig, "topic '" + topic + "': " + why};
  for (auto const& [name, value] : options.config) {
    auto const code = rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(code, setting(plan, "kafka.config.") + name);
  }
  return wanted;
}

/// `queue` receives the answer.
Result<void> create(rd_kafka_t* client, rd_kafka_queue_t* queue, DestinationPlan const& plan, std::string const& topic,
                    Clock::time_point deadline) {
  auto wanted = describe(plan, topic);
  if (!wanted) return std::move(wanted).error();
  AdminOptionsPtr const options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  int const timeout = std::max(1, milliseconds_until(deadline));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, why, sizeof why);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), timeout, why, sizeof why);
  rd_kafka_NewTopic_t* topics[] = {wanted->get()};
  rd_kafka_CreateTopics(client, topics, 1, options.get(), queue);

  EventPtr const event(rd_kafka_queue_poll(queue, timeout));
  if (!event) return topic_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "creating", topic);
  if (auto const code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return topic_error(code, "creating", topic, rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  auto const* const result = rd_kafka_event_CreateTopics_result(event.get());
  auto const* const* const answers = rd_kafka_CreateTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const code = rd_kafka_topic_result_error(answers[i]);
    bool const is_there = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (!is_there) return topic_error(code, "creating", topic, rd_kafka_topic_result_error_string(answers[i]));
  }
  return {};
}

Result<void> check_partitions(DestinationPlan const& plan, std::string const& topic, int found, Logger& logger) {
  int const wanted = plan.config.partitions;
  if (found < wanted) {
    return Error{Errc::kPreconditionFailed, "topic '" + topic + "' has " + std::to_string(found) +
                                                " partitions, fewer than " + setting(plan, "partitions") + ": " +
                                                std::to_string(wanted) +
                                                "; add partitions to the topic or lower the setting"};
  }
  if (found > wanted) {
    log(logger, LogLevel::kWarn, "kafka", "the topic has more partitions than destinations.<name>.partitions says",
        {LogField{log_field::kDestination, std::string_view(plan.name)}, LogField{"topic", std::string_view(topic)},
         LogField{"partitions", std::int64_t{found}}, LogField{"configured", std::int64_t{wanted}}});
  }
  return {};
}

}  // namespace

int milliseconds_until(Clock::time_point deadline) noexcept {
  auto const left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 24 * std::int64_t{3'600'000}));
}

std::string topic_of(DestinationPlan const& plan) {
  bool const at_once = is_retry_at_once(plan);
  if (plan.kind != DestinationPlan::Kind::kDestination && !at_once) return plan.name;
  if (!plan.config.kafka.topic.empty()) return plan.config.kafka.topic;
  return at_once ? plan.destination : plan.name;
}

Result<void> declare_topic(rd_kafka_t* client, DestinationPlan const& plan, Logger& logger,
                           Clock::time_point deadline) {
  auto const topic = topic_of(plan);
  QueuePtr const queue(rd_kafka_queue_new(client));
  bool created = false;
  for (;;) {
    auto state = look_up(client, topic, deadline);
    if (!state) return std::move(state).error();
    if (state->exists && state->has_leaders) return check_partitions(plan, topic, state->partitions, logger);
    if (Clock::now() >= deadline) {
      return Error{Errc::kTimeout, "topic '" + topic + "' had no leader for each of its partitions in time", true,
                   true};
    }
    if (!state->exists && !created) {
      if (auto done = create(client, queue.get(), plan, topic, deadline); !done) return done;
      created = true;
      continue;
    }
    // The cluster still spreads the news. Nothing comes to this queue any more: it only paces the next look.
    EventPtr const pause(rd_kafka_queue_poll(queue.get(), static_cast<int>(kLookAgain.count())));
  }
}

Result<void> wait_for_leaders(rd_kafka_t* client, std::string const& topic, int partitions,
                              Clock::time_point deadline) {
  QueuePtr const pace(rd_kafka_queue_new(client));
  for (;;) {
    auto const answered = end_positions(client, topic, partitions, deadline);
    if (answered) return {};
    if (!answered.error().retryable || Clock::now() >= deadline) return answered.error();
    EventPtr const pause(rd_kafka_queue_poll(pace.get(), static_cast<int>(kLookAgain.count())));
  }
}

Result<int> partitions_of(rd_kafka_t* client, std::string const& topic, Clock::time_point deadline) {
  auto const state = look_up(client, topic, deadline);
  if (!state) return state.error();
  return state->exists ? state->partitions : 0;
}

Result<int> count_partitions(rd_kafka_t* client, DestinationPlan const& plan, Clock::time_point deadline) {
  auto const topic = topic_of(plan);
  auto const state = look_up(client, topic, deadline);
  if (!state) return state.error();
  if (state->exists) return state->partitions;
  return Error{Errc::kUnknownDestination, "topic '" + topic + "' does not exist and " + setting(plan, "declare") +
                                              " is false: create the topic, or allow Fairlead to"};
}

}  // namespace fairlead::kafka
