#include "publish/publisher_core.hpp"

#include "core/deadline.hpp"
#include "core/ids.hpp"
#include "observe/trace.hpp"
#include "publish/message_limits.hpp"
#include "publish/publish_log.hpp"

#include <fairlead/logger.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace fairlead {
namespace {

/// A publish that waits for its own answer.
class Waiter {
 public:
  void answer(Result<Receipt> const& result) {
    std::lock_guard const lock(mutex_);
    result_ = result;
    answered_.notify_one();  // under the lock: the waiter may be gone right after it
  }
  Result<Receipt> wait() {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [this] { return result_.has_value(); });  // the window ends it at its deadline
    return *std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<Result<Receipt>> result_;
};

}  // namespace

Result<Receipt> PublisherCore::publish(std::string_view payload, PublishOptions const& options) {
  if (is_foreign()) return used_after_fork("publisher");
  if (is_completing()) {
    return Error{Errc::kInvalidArgument,
                 "publish waits for its answer and must not be called from a completion; use "
                 "publish_async there"};
  }
  Waiter waiter;
  PublishAnswer answer;
  answer.done = [&waiter](Result<Receipt> const& result) { waiter.answer(result); };
  answer.runs_inline = true;
  if (auto started = start(payload, options, answer); !started) {
    Result<Receipt> refused(std::move(started).error());
    if (answer.trail) answer.trail->ended(refused);
    return refused;
  }
  return waiter.wait();
}

void PublisherCore::publish_async(std::string_view payload, PublishOptions const& options, Completion done) {
  if (is_foreign()) {
    if (done) done(used_after_fork("publisher"));
    return;
  }
  PublishAnswer answer;
  answer.done = done ? std::move(done) : Completion([](Result<Receipt> const&) {});
  if (auto started = start(payload, options, answer); !started) {
    Result<Receipt> const refused(std::move(started).error());
    if (answer.trail) answer.trail->ended(refused);
    answer.done(refused);
  }
}

Result<void> PublisherCore::flush(std::chrono::milliseconds timeout) {
  if (is_foreign()) return used_after_fork("publisher");
  if (is_completing()) return Error{Errc::kInvalidArgument, "flush waits and must not be called from a completion"};
  if (setup_.window->flush(deadline_after(timeout))) return {};
  return Error{Errc::kTimeout, "publishes were still without an answer when the flush timed out", true};
}

Result<void> PublisherCore::start(std::string_view payload, PublishOptions const& options, PublishAnswer& answer) {
  bool const logged = setup_.logger->is_enabled(PublishLog::kLogger, LogLevel::kDebug);
  if (logged) answer.trail = std::make_unique<PublishLog>(setup_.logger, setup_.destination, options.key);
  auto const size = check_message(payload, options, setup_.publish.max_message_bytes);
  if (!size) return size.error();
  if (options.priority && !setup_.capabilities.priority) {
    return Error{Errc::kUnsupported, "priority: " + std::string(setup_.capabilities.priority.reason)};
  }

  auto const now = std::chrono::system_clock::now();
  // Stamps live in buffers that keep their room, so that stamping allocates nothing.
  thread_local std::string id;
  thread_local std::string traceparent;
  id.clear();
  traceparent.clear();
  if (!options.id.empty()) {
    id = options.id;
  } else if (setup_.message_ids) {
    make_message_id(id, now);
  }
  if (setup_.trace) make_traceparent(traceparent, current_traceparent());
  if (logged) static_cast<PublishLog&>(*answer.trail).set_stamps(id, traceparent);

  auto const deadline = rough_deadline_after(options.deadline.value_or(setup_.publish.deadline));
  auto slot = setup_.window->acquire(*size, deadline, options.wait_for_room, answer);
  if (!slot) return std::move(slot).error();
  PendingPublish& pending = **slot;
  pending.result->id = id;
  pending.result->partition = -1;
  pending.result->position = -1;

  Outbound message;
  message.payload = payload;
  message.key = options.key;
  message.headers = &options.headers;
  message.id = id;
  if (options.idempotency_key != id) message.idempotency_key = options.idempotency_key;
  message.content_type = options.content_type;
  message.routing_key = options.routing_key;
  message.traceparent = traceparent;
  message.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  message.time_to_live = options.time_to_live;
  message.priority = options.priority;
  auto sent = setup_.sink->publish(message, pending);
  if (sent) return {};
  answer = setup_.window->release(pending);
  if (answer.done) return sent;
  return {};  // the deadline was quicker and has answered
}

}  // namespace fairlead
