#pragma once

#include "support/notebook.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace fairlead::rabbitmq {

/// How much later than its bound something may be seen on a busy machine.
inline constexpr std::chrono::milliseconds kSlack{3'000};

/// A RabbitMQ node with its rabbitmqctl. Without one its tests are skipped, or fail when FAIRLEAD_REQUIRE_BROKERS=1
/// and nobody chose a broker that cannot be given orders.
class Node : public testing::Test {
 protected:
  void SetUp() override;

  /// rabbitmqctl; throws when it fails.
  void control(std::vector<std::string> const& arguments) const;

  /// The destination `orders`, under a name of its own, with the subscription `billing`.
  [[nodiscard]] Config config() const;
  [[nodiscard]] std::unique_ptr<Broker> open(Config config);
  /// The queue of the group `billing`.
  [[nodiscard]] std::string queue() const { return destination_ + ".billing"; }

  std::string url_;
  std::string destination_;
  std::shared_ptr<test::Notebook> log_ = std::make_shared<test::Notebook>(LogLevel::kWarn);

 private:
  std::string directory_;
};

}  // namespace fairlead::rabbitmq
