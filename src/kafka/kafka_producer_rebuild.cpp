#include "kafka/kafka_error.hpp"
#include "kafka/kafka_producer.hpp"
#include "observe/logging.hpp"

#include <algorithm>
#include <string>
#include <utility>

// The part of KafkaProducer that makes another handle of librdkafka's when one has failed for good.
namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

// What is in flight may still be answered, which saves a duplicate; a broker that is gone answers nothing.
constexpr milliseconds kGrace{500};
constexpr milliseconds kPatience{3'000};  // with librdkafka's own reports, after everything was given up
constexpr milliseconds kSlice{20};
constexpr milliseconds kLookAtLine{100};
constexpr milliseconds kLateReports{60'000};
constexpr milliseconds kTimeToDestroy{10'000};

Error closed_error() { return {Errc::kClosed, "the broker is closed"}; }

}  // namespace

std::optional<Result<void>> KafkaProducer::wait_in_line(ProducerTopic const& topic, Outbound const& message,
                                                        PendingPublish& pending) {
  std::lock_guard const lock(mutex_);
  if (closed_) return closed_error();
  if (!rebuilding_ && !handle_->has_failed()) return std::nullopt;
  line_.push_back(Unfinished::copy_of(message, topic, pending));
  return Result<void>();
}

bool KafkaProducer::salvage(ProducerHandle const& handle, rd_kafka_message_t const& message) {
  if (!setup_.resends || &handle != handle_.get() || !handle.has_failed()) return false;
  if (!Salvage::is_worth_another_try(message.err)) return false;
  std::lock_guard const lock(mutex_);
  auto const topic = topics_.find(std::string_view(rd_kafka_topic_name(message.rkt)));
  if (closed_ || topic == topics_.end()) return false;
  // Once it may have been persisted, no later try makes it one that was not.
  auto& pending = *static_cast<PendingPublish*>(message._private);
  if (rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) pending.maybe_applied = true;
  salvage_.add(Unfinished::of(const_cast<rd_kafka_message_t&>(message), *topic->second));
  return true;
}

void KafkaProducer::publish_unwritten(ProducerHandle const& handle, rd_kafka_message_t const& message,
                                      CompletionBatch& batch) {
  auto& pending = *static_cast<PendingPublish*>(message._private);
  pending.maybe_applied = true;
  Error error{Errc::kConnectionLost, "Kafka accepted a later batch and refused this message's: it may not be written",
              true, true};
  auto const now = Clock::now();
  if (!setup_.resends || &handle != handle_.get() || pending.deadline <= now) {
    return batch.fail(pending, std::move(error));
  }
  std::unique_lock lock(mutex_);
  auto const topic = topics_.find(std::string_view(rd_kafka_topic_name(message.rkt)));
  if (closed_ || topic == topics_.end()) return batch.fail(pending, std::move(error));
  auto again = Unfinished::of(const_cast<rd_kafka_message_t&>(message), *topic->second);
  lock.unlock();
  log(*setup_.logger, LogLevel::kWarn, "kafka", "librdkafka took a later batch's success for this message: sent again",
      {LogField{"topic", std::string_view(topic->first)}, LogField{"partition", std::int64_t{message.partition}}});
  auto const code = handle.has_failed() ? RD_KAFKA_RESP_ERR__FATAL : produce(handle, again);
  if (code == RD_KAFKA_RESP_ERR__FATAL) return salvage_.add(std::move(again));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) batch.fail(pending, std::move(error));
}

void KafkaProducer::rebuild() {
  {
    std::lock_guard const lock(mutex_);
    rebuilding_ = !closed_;
  }
  if (!rebuilding_) return fail_unfinished(closed_error());
  gate_.close();
  do {
    log(*setup_.logger, LogLevel::kError, "kafka",
        "the Kafka producer has failed for good and is made anew: " + handle_->failure());
    settle_accounts();
    auto next = make_handle();
    if (!next) break;
    auto const unfinished = static_cast<std::int64_t>(salvage_.size());
    change_handle(std::move(next));
    log(*setup_.logger, LogLevel::kWarn, "kafka", "the Kafka producer was made anew",
        {LogField{"published_again", unfinished}});
    if (publish_unfinished()) return;
  } while (!is_closed());
  fail_unfinished(closed_error());
  std::lock_guard const lock(mutex_);
  rebuilding_ = false;
  rebuilt_.notify_all();
}

void KafkaProducer::settle_accounts() {
  auto const give_up_at = Clock::now() + kGrace;
  bool given_up = false;
  while (handle_->unanswered() > salvage_.held()) {
    auto const now = Clock::now();
    if (now >= give_up_at + kPatience) return;
    if (!given_up && (now >= give_up_at || is_closed())) {
      handle_->give_up();
      given_up = true;
    }
    serve(*handle_, handle_->poll(kSlice));
  }
}

std::unique_ptr<ProducerHandle> KafkaProducer::make_handle() {
  bool is_first = std::exchange(has_proved_itself_, false);
  if (is_first) backoff_.reset();
  for (;; is_first = false) {
    if (!is_first) wait_before_next_handle(backoff_.next());
    if (is_closed()) return nullptr;
    auto conf = setup_.make_conf();
    auto handle = conf ? ProducerHandle::open(*std::move(conf)) : std::move(conf).error();
    if (handle) return *std::move(handle);
    log(*setup_.logger, LogLevel::kError, "kafka", "the Kafka producer could not be made anew",
        LogFields().add(handle.error()).view());
  }
}

void KafkaProducer::wait_before_next_handle(milliseconds delay) {
  auto const until = Clock::now() + delay;
  while (Clock::now() < until && !is_closed()) {
    fail_late_in_line();
    serve(*handle_, handle_->poll(std::min(kLookAtLine, std::chrono::ceil<milliseconds>(until - Clock::now()))));
    look_after_retired();
  }
}

void KafkaProducer::change_handle(std::unique_ptr<ProducerHandle> next) {
  std::lock_guard const lock(mutex_);
  for (auto const& [name, topic] : topics_) {
    topic->current.reset(rd_kafka_topic_new(next->get(), name.c_str(), nullptr));
  }
  retire(std::exchange(handle_, std::move(next)));
  ++rebuilds_;
}

bool KafkaProducer::publish_unfinished() {
  CompletionBatch refused;
  salvage_.publish_again(*handle_, Clock::now(), refused);
  setup_.window->complete(refused);
  return salvage_.empty() && publish_line();
}

bool KafkaProducer::publish_line() {
  for (;;) {
    Unfinished next;
    {
      std::lock_guard const lock(mutex_);
      if (closed_) return false;
      if (line_.empty()) {
        rebuilding_ = false;
        rebuilt_.notify_all();
        gate_.open();
        return true;
      }
      next = std::move(line_.front());
      line_.pop_front();
    }
    auto const code = produce(*handle_, next);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::lock_guard const lock(mutex_);
      line_.push_front(std::move(next));
      return false;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    CompletionBatch refused;
    refused.fail(*next.pending, publish_error(code));
    setup_.window->complete(refused);
  }
}

void KafkaProducer::fail_late_in_line() {
  // A moment early: answered here, they are known not to have been sent.
  auto const late = Clock::now() + 2 * kLookAtLine;
  auto error = to_error(RD_KAFKA_RESP_ERR__FATAL, "publishing", handle_->failure());
  error.maybe_applied = false;
  CompletionBatch batch;
  {
    std::lock_guard const lock(mutex_);
    std::erase_if(line_, [&](Unfinished const& waiting) {
      if (waiting.pending->deadline > late) return false;
      batch.fail(*waiting.pending, error);
      return true;
    });
  }
  setup_.window->complete(batch);
}

void KafkaProducer::fail_unfinished(Error const& error) {
  CompletionBatch batch;
  salvage_.fail(error, batch);
  {
    std::lock_guard const lock(mutex_);
    for (auto const& waiting : line_) batch.fail(*waiting.pending, error);
    line_.clear();
  }
  setup_.window->complete(batch);
}

void KafkaProducer::retire(std::unique_ptr<ProducerHandle> old) {
  auto destruction = old->destruction();
  retired_.push_back({std::move(old), std::move(destruction), Clock::now() + kLateReports});
}

void KafkaProducer::look_after_retired() {
  auto const now = Clock::now();
  std::erase_if(retired_, [&](Retired& retired) {
    if (retired.handle) {
      while (auto event = retired.handle->poll(milliseconds(0))) serve(*retired.handle, std::move(event));
      if (retired.handle->unanswered() > 0 && now < retired.until) return false;
      retired.handle.reset();
      retired.until = now + kTimeToDestroy;
    }
    if (retired.destruction.wait(now)) return true;
    if (now < retired.until) return false;
    log(*setup_.logger, LogLevel::kWarn, "kafka",
        "librdkafka did not end in time: a producer handle and its threads are left behind");
    return true;
  });
}

void KafkaProducer::end_retired(Clock::time_point deadline) {
  for (auto& retired : retired_) retired.handle.reset();
  for (auto& retired : retired_) {
    if (retired.destruction.wait(deadline)) continue;
    log(*setup_.logger, LogLevel::kWarn, "kafka",
        "librdkafka did not end in time: the producer handle and its threads are left behind");
  }
  retired_.clear();
}

}  // namespace fairlead::kafka
