#include "kafka/seek_desk.hpp"

#include <utility>

namespace fairlead::kafka {
namespace {

Error closed_error() { return {Errc::kClosed, "the subscription is closed"}; }

}  // namespace

Result<void> SeekDesk::ask(Order order, std::function<void()> const& wake) {
  auto const deadline = order.deadline;
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline, [this] { return !is_busy_ || is_closed_; })) {
    return Error{Errc::kTimeout, "another seek of this subscription took until the deadline", true};
  }
  if (is_closed_) return closed_error();
  is_busy_ = true;
  is_taken_ = false;
  order_ = std::move(order);
  answer_.reset();
  lock.unlock();
  wake();
  lock.lock();
  changed_.wait_until(lock, deadline, [this] { return answer_.has_value() || is_closed_; });
  Result<void> result = Error{Errc::kTimeout, "the seek was not done by its deadline", true, is_taken_};
  if (answer_) {
    result = *std::move(answer_);
  } else if (is_closed_) {
    result = closed_error();
  }
  order_.reset();
  is_busy_ = false;
  changed_.notify_all();
  return result;
}

std::optional<SeekDesk::Order> SeekDesk::take() {
  std::lock_guard const lock(mutex_);
  if (!order_) return std::nullopt;
  is_taken_ = true;
  return std::exchange(order_, std::nullopt);
}

void SeekDesk::answer(Result<void> result) {
  std::lock_guard const lock(mutex_);
  if (!is_taken_ || !is_busy_) return;
  answer_ = std::move(result);
  changed_.notify_all();
}

void SeekDesk::close() {
  std::lock_guard const lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

}  // namespace fairlead::kafka
