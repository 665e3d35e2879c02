#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <string>
#include <utility>

// The part of KafkaSource that makes another consumer of librdkafka's when one has failed for good: fenced by a static
// member of the same name (its own, after a join whose answer was lost), or stuck when it lost its session while its
// topic was made anew (2.0.2; librdkafka #4187, #4724).
namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskTime{100};
constexpr milliseconds kLeaveTime{1'000};
constexpr milliseconds kStable{60'000};

}  // namespace

bool KafkaSource::rebuild_when_failed() {
  auto const why = failure();
  if (!why) return false;
  auto const now = Clock::now();
  if (now < rebuild_at_) return false;
  bool const is_stuck = rd_kafka_fatal_error(consumer_->handle(), nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
  say_trouble({Errc::kConnectionLost, "the Kafka consumer has failed for good and is made anew: " + *why, true, false});
  let_go_of_consumer(is_stuck);
  while (!closing_.load(std::memory_order_acquire)) {
    auto opened = open_consumer();
    if (opened) break;
    say_trouble(opened.error());
    sleep_until(Clock::now() + rebuild_backoff_.next());
  }
  if (now - rebuild_at_ > kStable) rebuild_backoff_.reset();
  rebuild_at_ = Clock::now() + rebuild_backoff_.next();
  if (consumer_) join_group();
  return true;
}

std::optional<std::string> KafkaSource::failure() const {
  char why[512] = "";
  if (rd_kafka_fatal_error(consumer_->handle(), why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR) return redact(why);
  if (!heard_by_ || Clock::now() < *heard_by_) return std::nullopt;
  auto const answer = partitions_of(consumer_->handle(), setup_.topic, Clock::now() + kAskTime);
  if (!answer) return std::nullopt;  // without a broker nobody joins
  return "it lost its session and did not join its group again";
}

void KafkaSource::let_go_of_consumer(bool is_stuck) {
  for_open_lanes([this](Lane lane) { intake_.lose_lane(lane); });
  close_lanes();
  if (commits_.in_flight()) commits_.end(false, Clock::now());
  heard_by_.reset();
  if (fixed_positions_) remember_positions();
  if (!is_stuck) (void)leave_by(Clock::now() + kLeaveTime);  // a stuck one never does
  is_assigned_ = false;
  waker_.reset();
  left_behind_.push_back(destruction_);
  std::lock_guard const lock(consumer_mutex_);
  consumer_.reset();
}

/// Without a group nobody but us knows how far we have come.
void KafkaSource::remember_positions() {
  for (int i = 0; i < fixed_positions_->cnt; ++i) {
    auto& position = fixed_positions_->elems[i];
    auto const lane = lanes_by_place_.find({kMainTopic, position.partition});
    if (!lane) continue;
    auto const last = lanes_[static_cast<std::size_t>(*lane)].last;
    position.offset = std::max(position.offset, last + 1);
  }
}

Result<void> KafkaSource::open_consumer() {
  auto consumer = KafkaConsumer::open(setup_.options, wake_, [this](rd_kafka_conf_t* conf) { prepare(conf); });
  if (!consumer) return std::move(consumer).error();
  if (setup_.credentials) {
    begin_login((*consumer)->handle(), *setup_.credentials);
    renew_login((*consumer)->handle());  // they may be old by now
  }
  destruction_ = (*consumer)->destruction();
  holders_ = (*consumer)->holders();
  waker_ = std::make_unique<FetchWaker>((*consumer)->handle(), (*consumer)->messages(), setup_.options);
  std::lock_guard const lock(consumer_mutex_);
  consumer_ = *std::move(consumer);
  return {};
}

}  // namespace fairlead::kafka
