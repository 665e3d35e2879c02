#include "kafka/kafka_source.hpp"

#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "observe/logging.hpp"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSafetyTick{1'000};
constexpr milliseconds kSeekAgain{20};
// Leaving takes a few milliseconds. It gets this long even when the deadline has passed, because a consumer that is
// destroyed while it leaves keeps a librdkafka thread spinning for ever (2.0.2).
constexpr milliseconds kLeaveTime{1'000};
constexpr milliseconds kBeyondAJoin{30'000};

KafkaSource* source_of(void* opaque) noexcept { return static_cast<KafkaSource*>(opaque); }

}  // namespace

KafkaSource::KafkaSource(SourceSetup setup, Intake& intake)
    : setup_(std::move(setup)),
      intake_(intake),
      commits_(setup_.settle),
      rebuild_backoff_(setup_.backoff, random_seed()) {}

Result<std::unique_ptr<KafkaSource>> KafkaSource::open(SourceSetup setup, Intake& intake, Clock::time_point deadline) {
  std::unique_ptr<KafkaSource> source(new KafkaSource(std::move(setup), intake));
  if (auto opened = source->open_consumer(); !opened) return std::move(opened).error();
  if (auto found = source->find_start(deadline); !found) return std::move(found).error();
  source->thread_ = Thread("fl-kafka-sub", [self = source.get()] { self->run(); });
  return source;
}

KafkaSource::~KafkaSource() { (void)close(Clock::now() + kSafetyTick); }

/// All callbacks run inside rd_kafka_consumer_poll, on our thread.
void KafkaSource::prepare(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_opaque(conf, this);
  watch_client(conf, setup_.login);
  rd_kafka_conf_set_rebalance_cb(
      conf, [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void* opaque) {
        auto* const source = source_of(opaque);
        source->guard([&] { source->rebalance(what, partitions); });
      });
  rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int code, char const* why, void* opaque) {
    auto* const source = source_of(opaque);
    source->guard([&] { source->take_error(static_cast<rd_kafka_resp_err_t>(code), why); });
  });
  rd_kafka_conf_set_log_cb(conf, [](rd_kafka_t const* handle, int severity, char const* facility, char const* text) {
    auto* const source = source_of(rd_kafka_opaque(handle));
    source->guard([&] { source->take_log(severity, facility, text); });
  });
}

void KafkaSource::settle(Lane lane, std::int64_t position) noexcept {
  if (setup_.has_group && commits_.settle(lane, position, Clock::now())) wake_->signal();
}

void KafkaSource::room_available() noexcept { wake_->signal(); }

void KafkaSource::stop_intake() noexcept {
  intake_stopped_.store(true, std::memory_order_release);
  commits_.hurry(Clock::now());
  wake_->signal();
}

Result<void> KafkaSource::close(Clock::time_point deadline) {
  std::lock_guard const one_at_a_time(close_mutex_);
  if (!thread_.joinable() && !consumer_) return {};
  close_deadline_ = deadline;
  closing_.store(true, std::memory_order_release);
  wake_->signal();
  if (thread_.joinable()) thread_.join();  // it keeps to the deadline
  {
    std::lock_guard const lock(consumer_mutex_);
    consumer_.reset();
  }
  if (!destruction_.wait(deadline)) report_not_destroyed();
  for (auto& earlier : left_behind_) {  // they have had their time
    if (!earlier.wait(std::min(deadline, Clock::now() + kLeaveTime))) report_not_destroyed();
  }
  if (left_in_time_) return {};
  return Error{Errc::kTimeout, "the group could not be left in time; the broker notices after session.timeout.ms",
               true};
}

void KafkaSource::report_not_destroyed() {
  auto const held = static_cast<std::int64_t>(holders_->load(std::memory_order_acquire));
  if (held > 0) {
    log(*setup_.logger, LogLevel::kWarn, "kafka",
        "a consumer was not destroyed in time: messages of it are still being handled, and the last of them will do it",
        {LogField{"messages", held}});
  } else {
    log(*setup_.logger, LogLevel::kWarn, "kafka",
        "librdkafka did not end in time: the consumer handle and its threads are left behind");
  }
}

void KafkaSource::run() {
  try {
    join_group();
    while (!closing_.load(std::memory_order_acquire)) {
      serve_control();
      if (rebuild_when_failed()) continue;
      look_into_trouble();
      serve_seek();
      commit_when_due();
      if (deliver()) continue;
      auto until = Clock::now() + (seeking_ ? kSeekAgain : kSafetyTick);
      // Without room nothing is delivered when it is due, but when there is room again, which is said.
      if (auto const due = next_due(); due && has_room_) until = std::min(until, *due);
      sleep_until(until);
    }
    leave_group();
  } catch (std::exception const& failure) {
    // Commits stop here, so what was not handed over is read again by the group's next member.
    intake_.report({Errc::kInternal, std::string("the subscription has stopped: ") + failure.what()});
  }
  seeks_.close();
  for_open_lanes([this](Lane lane) { intake_.lose_lane(lane); });
  close_lanes();
}

void KafkaSource::join_group() {
  char value[32];
  std::size_t size = sizeof value;
  if (rd_kafka_conf_get(rd_kafka_conf(consumer_->handle()), "max.poll.interval.ms", value, &size) == RD_KAFKA_CONF_OK) {
    milliseconds const join_time(std::stol(value));
    revoke_time_ = std::min(revoke_time_, join_time / 10);
    until_joined_ = setup_.until_joined.value_or(join_time + kBeyondAJoin);
  }
  if (fixed_positions_) {
    assign(fixed_positions_.get());
    return;
  }
  PartitionListPtr const topics(rd_kafka_topic_partition_list_new(static_cast<int>(setup_.retries.size()) + 1));
  for (std::size_t i = kMainTopic; i <= setup_.retries.size(); ++i) {
    rd_kafka_topic_partition_list_add(topics.get(), topic_name(i).c_str(), RD_KAFKA_PARTITION_UA);
  }
  auto const code = rd_kafka_subscribe(consumer_->handle(), topics.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) intake_.report(to_error(code, "subscribing to '" + setup_.topic + "'"));
}

void KafkaSource::leave_group() {
  if (!consumer_) {  // the last one has failed, and there is no other yet
    left_in_time_ = true;
    return;
  }
  commit_everything(close_deadline_);
  left_in_time_ = leave_by(std::max(close_deadline_, Clock::now() + kLeaveTime));
}

bool KafkaSource::leave_by(Clock::time_point until) {
  auto const has_left = [this] { return rd_kafka_consumer_closed(consumer_->handle()) != 0; };
  ErrorPtr const refused(rd_kafka_consumer_close_queue(consumer_->handle(), consumer_->control()));
  while (!refused && Clock::now() < until) {
    serve_control();
    if (has_left()) break;
    sleep_until(until);
  }
  return has_left();
}

void KafkaSource::serve_control() {
  // Messages come through the other queue: what arrives here as a message is an error.
  while (auto* const message = rd_kafka_consumer_poll(consumer_->handle(), 0)) {
    auto const error =
        to_error(message->err, "subscription to '" + setup_.topic + "'", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    say_trouble(error);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void KafkaSource::sleep_until(Clock::time_point until) {
  if (auto const due = commits_.due()) until = std::min(until, *due);
  auto const left = std::max(until - Clock::now(), Clock::duration::zero());
  auto const seconds = std::chrono::floor<std::chrono::seconds>(left);
  timespec const timeout{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
  pollfd waiting{wake_->fd(), POLLIN, 0};
  if (::ppoll(&waiting, 1, &timeout, nullptr) > 0) wake_->clear();
}

}  // namespace fairlead::kafka
