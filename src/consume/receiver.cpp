#include <fairlead/receiver.hpp>

#include "consume/consume_chain.hpp"
#include "consume/consumption.hpp"
#include "consume/subscription_core.hpp"
#include "core/deadline.hpp"
#include "core/ids.hpp"
#include "core/process_mark.hpp"

#include <utility>

namespace fairlead {

struct ReceivedMessage::State {
  State(std::shared_ptr<Consumption> shared, Consumption::Pulled taken)
      : consumption(std::move(shared)), pulled(taken), delivery(*taken.message) {}

  std::shared_ptr<Consumption> consumption;
  Consumption::Pulled pulled;
  Delivery delivery;
  ProcessMark process;

  void settle(Outcome outcome) {
    ConsumeChain chain(*consumption, random_bits());
    consumption->settle_pulled(pulled, chain.after(*pulled.message, std::move(outcome), std::nullopt));
  }
};

ReceivedMessage::ReceivedMessage(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ReceivedMessage::ReceivedMessage(ReceivedMessage&&) noexcept = default;

ReceivedMessage& ReceivedMessage::operator=(ReceivedMessage&& other) noexcept {
  ReceivedMessage const ended(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

ReceivedMessage::~ReceivedMessage() {
  if (!state_) return;
  if (state_->process.is_foreign()) {
    keep_for_ever(std::move(state_));
    return;
  }
  state_->consumption->log().unsettled(*state_->pulled.message);
  state_->consumption->count_unsettled();
  state_->settle(fairlead::retry("it was destroyed without being settled"));
}

Delivery const& ReceivedMessage::operator*() const noexcept { return state_->delivery; }

void ReceivedMessage::ack() && { std::move(*this).settle(fairlead::ack()); }
void ReceivedMessage::retry(std::string reason) && { std::move(*this).settle(fairlead::retry(std::move(reason))); }
void ReceivedMessage::retry(std::chrono::milliseconds after, std::string reason) && {
  std::move(*this).settle(fairlead::retry(after, std::move(reason)));
}
void ReceivedMessage::reject(std::string reason) && { std::move(*this).settle(fairlead::reject(std::move(reason))); }

void ReceivedMessage::settle(Outcome outcome) && {
  if (state_ && state_->process.is_foreign()) return;  // the parent settles it
  if (auto const state = std::move(state_)) state->settle(std::move(outcome));
}

Receiver::Receiver(Subscription subscription) noexcept : subscription_(std::move(subscription)) {}
Receiver::Receiver(Receiver&&) noexcept = default;
Receiver& Receiver::operator=(Receiver&&) noexcept = default;
Receiver::~Receiver() = default;

Result<std::optional<ReceivedMessage>> Receiver::receive(std::chrono::milliseconds timeout) {
  auto const core = subscription_.core();
  if (!core) return Error{Errc::kClosed, "this Receiver was moved from"};
  if (core->is_foreign()) return used_after_fork("receiver");
  auto const& consumption = core->consumption();
  auto const deadline = deadline_after(timeout);
  ConsumeChain chain(*consumption, random_bits());
  for (;;) {
    auto const pulled = consumption->pull(deadline);
    if (pulled.message == nullptr) break;
    if (auto const done = chain.before(*pulled.message, pulled.permits)) {
      consumption->settle_pulled(pulled, *done);
    } else {
      return std::optional(ReceivedMessage(std::make_unique<ReceivedMessage::State>(consumption, pulled)));
    }
  }
  if (consumption->is_ended()) return Error{Errc::kClosed, "the receiver was stopped"};
  return std::optional<ReceivedMessage>();
}

}  // namespace fairlead
