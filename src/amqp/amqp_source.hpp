#pragma once

#include "amqp/connection.hpp"
#include "amqp/consumer.hpp"
#include "amqp/feed.hpp"
#include "consume/source.hpp"

#include <memory>
#include <vector>

namespace fairlead::amqp {

/// A member of a group: one consumer per partition queue, all on the broker object's consuming connection.
/// Thread-safe as Source says.
class AmqpSource final : public Source {
 public:
  /// Subscribes; waits until every consumer runs.
  [[nodiscard]] static Result<std::unique_ptr<AmqpSource>> open(Connection& connection, SourceSpec const& spec,
                                                                Intake& intake,
                                                                std::chrono::steady_clock::time_point deadline);
  ~AmqpSource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override {}  // the prefetch bounds what arrives
  void stop_intake() noexcept override;
  Result<void> close(std::chrono::steady_clock::time_point deadline) override;

 private:
  AmqpSource(std::shared_ptr<Mailbox> mailbox, Intake& intake);
  Result<void> start(Connection& connection, SourceSpec const& spec, std::chrono::steady_clock::time_point deadline);

  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Feed> feed_;
  std::vector<std::shared_ptr<Consumer>> consumers_;  // by partition; fixed once started
  bool is_closed_ = false;
};

}  // namespace fairlead::amqp
