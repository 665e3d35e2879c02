#include <fairlead/subscription.hpp>

#include "consume/subscription_core.hpp"
#include "core/deadline.hpp"

#include <utility>

namespace fairlead {

Subscription::Subscription(std::shared_ptr<SubscriptionCore> core) noexcept : core_(std::move(core)) {}
Subscription::Subscription(Subscription&&) noexcept = default;

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  Subscription ended(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

Subscription::~Subscription() {
  if (core_ && core_->is_foreign()) {
    keep_for_ever(std::move(core_));
  } else if (core_) {
    (void)core_->stop(deadline_after(core_->close_timeout()));
  }
}

Result<void> Subscription::stop(std::chrono::milliseconds deadline) {
  if (!core_) return Error{Errc::kClosed, "this Subscription was moved from"};
  if (core_->is_foreign()) return used_after_fork("subscription");
  return core_->stop(deadline_after(deadline));
}

void Subscription::pause() noexcept {
  if (core_ && !core_->is_foreign()) core_->pause();
}

void Subscription::resume() noexcept {
  if (core_ && !core_->is_foreign()) core_->resume();
}

Result<void> Subscription::seek(SeekTarget const& target, std::chrono::milliseconds deadline) {
  if (!core_) return Error{Errc::kClosed, "this Subscription was moved from"};
  if (core_->is_foreign()) return used_after_fork("subscription");
  return core_->seek(target, deadline_after(deadline));
}

SubscriptionHealth Subscription::health() const noexcept {
  if (core_ && core_->is_foreign()) return {SubscriptionState::kStopping, 0, used_after_fork("subscription")};
  return core_ ? core_->health() : SubscriptionHealth{SubscriptionState::kStopping, 0, {}};
}

SubscriptionStats Subscription::stats() const noexcept {
  return core_ && !core_->is_foreign() ? core_->stats() : SubscriptionStats{};
}

}  // namespace fairlead
