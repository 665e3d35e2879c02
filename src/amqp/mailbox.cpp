#include "amqp/mailbox.hpp"

#include <utility>

namespace fairlead::amqp {

bool Mailbox::post(Command command) {
  {
    std::lock_guard const lock(mutex_);
    if (is_closed_) return false;
    mail_.commands.push_back(std::move(command));
  }
  notify();
  return true;
}

void Mailbox::raise(std::shared_ptr<Channel> channel) {
  {
    std::lock_guard const lock(mutex_);
    if (is_closed_) return;
    mail_.raised.push_back(std::move(channel));
  }
  notify();
}

// The news is told before the sleeper is looked for, and the sleeper lies down before it looks for news: one of the
// two sees the other.
void Mailbox::notify() noexcept {
  if (has_news_.load(std::memory_order_relaxed)) return;  // the I/O thread will clear it before it collects
  has_news_.store(true);
  if (is_sleeping_.load() && is_sleeping_.exchange(false)) event_.signal();
}

bool Mailbox::prepare_sleep() noexcept {
  is_sleeping_.store(true);
  return !has_news_.load();
}

void Mailbox::end_sleep() noexcept {
  // Awake already when false: somebody signalled.
  if (!is_sleeping_.exchange(false)) event_.clear();
}

void Mailbox::collect(Mail& mail) {
  has_news_.store(false);
  std::lock_guard const lock(mutex_);
  std::swap(mail, mail_);
}

void Mailbox::close() {
  std::lock_guard const lock(mutex_);
  is_closed_ = true;
}

}  // namespace fairlead::amqp
