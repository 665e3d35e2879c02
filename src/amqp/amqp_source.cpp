#include "amqp/amqp_source.hpp"

#include "amqp/await_setup.hpp"

#include <optional>
#include <utility>

namespace fairlead::amqp {

namespace {

// The I/O thread answers at the deadline itself; this is for the way back.
constexpr std::chrono::milliseconds kAnswerTime{200};

}  // namespace

AmqpSource::AmqpSource(std::shared_ptr<Mailbox> mailbox, Intake& intake)
    : mailbox_(std::move(mailbox)), feed_(std::make_shared<Feed>(intake)) {}

AmqpSource::~AmqpSource() { (void)close(std::chrono::steady_clock::now()); }

Result<std::unique_ptr<AmqpSource>> AmqpSource::open(Connection& connection, SourceSpec const& spec, Intake& intake,
                                                     std::chrono::steady_clock::time_point deadline) {
  std::unique_ptr<AmqpSource> source(new AmqpSource(connection.mailbox(), intake));
  if (auto started = source->start(connection, spec, deadline); !started) return std::move(started).error();
  return source;
}

Result<void> AmqpSource::start(Connection& connection, SourceSpec const& spec,
                               std::chrono::steady_clock::time_point deadline) {
  auto const shared_spec = std::make_shared<SourceSpec const>(spec);
  for (std::int32_t partition = 0; partition < Consumer::queue_count(spec); ++partition) {
    consumers_.push_back(std::make_shared<Consumer>(shared_spec, feed_, mailbox_, partition));
  }
  bool const taken = mailbox_->post([consumers = consumers_](Connection& io) {
    for (auto const& consumer : consumers) {
      if (auto attached = io.attach(consumer); !attached) consumer->started()->set(attached.error());
    }
  });
  if (!taken) return Error{Errc::kClosed, "the broker object was closed", false, false, 0};
  for (auto const& consumer : consumers_) {
    auto started = await_setup(*consumer->started(), connection, "subscribe '" + spec.subscription + "'", deadline);
    if (!started) return started;
  }
  return {};
}

void AmqpSource::settle(Lane lane, std::int64_t position) noexcept {
  auto const partition = static_cast<std::size_t>(lane.id);
  if (partition < consumers_.size()) consumers_[partition]->settle(lane.epoch, position);
}

void AmqpSource::stop_intake() noexcept {
  if (feed_->is_stopped.exchange(true)) return;
  [[maybe_unused]] bool const taken = mailbox_->post([consumers = consumers_](Connection&) {
    for (auto const& consumer : consumers) consumer->stop();
  });
}

Result<void> AmqpSource::close(std::chrono::steady_clock::time_point deadline) {
  if (std::exchange(is_closed_, true)) return {};
  feed_->is_stopped = true;
  std::vector<std::shared_ptr<Waiter>> answers;
  for (auto const& consumer : consumers_) {
    auto answer = std::make_shared<Waiter>();
    bool const taken = mailbox_->post([consumer, answer, deadline](Connection&) { consumer->leave(deadline, answer); });
    if (!taken) return {};  // the connection is gone, and with it all that it could have given back
    answers.push_back(std::move(answer));
  }
  Result<void> result;
  for (auto const& answer : answers) {
    auto const left = answer->wait_until(deadline + kAnswerTime);
    if (left && *left) continue;
    result = Error{Errc::kTimeout, "the broker did not confirm the end of the subscription in time", true, true, 0};
  }
  return result;
}

}  // namespace fairlead::amqp
