#pragma once

#include "support/amqp_server.hpp"
#include "support/wait.hpp"
#include "unit/amqp/client.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

// A client of the scripted server that publishes, and what tests of it ask of the server.
namespace fairlead::amqp {

using Texts = std::vector<std::string>;

/// Publishes to `orders`, and keeps the answers by their payload.
class PublishingClient {
  std::mutex mutable mutex_;  // these two outlive the broker, which may answer until it is gone
  std::map<std::string, Result<Receipt>> answers_;

 public:
  explicit PublishingClient(Config const& config)
      : broker(Broker::open(config, {.logger = std::make_shared<test::Notebook>(LogLevel::kWarn)}).value()),
        publisher(broker->publisher("orders").value()) {}

  void publish(std::string const& payload, PublishOptions const& options = {}) {
    publisher.publish_async(payload, options, [this, payload](Result<Receipt> const& result) {
      std::lock_guard const lock(mutex_);
      EXPECT_TRUE(answers_.emplace(payload, result).second) << payload << " was answered twice";
      test::something_changed();
    });
  }
  /// Waits until so many of `publish` are answered, and fails when there are more.
  [[nodiscard]] testing::AssertionResult has_answers(std::size_t count) const {
    auto const there = [this] {
      std::lock_guard const lock(mutex_);
      return answers_.size();
    };
    if (test::eventually([&] { return there() == count; })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << there() << " answers instead of " << count;
  }
  [[nodiscard]] Result<Receipt> answer_to(std::string const& payload) const {
    std::lock_guard const lock(mutex_);
    auto const found = answers_.find(payload);
    return found == answers_.end() ? Error{Errc::kInternal, "no answer"} : found->second;
  }
  /// Waits until the connection is in that state.
  [[nodiscard]] bool becomes(ConnectionState state) const {
    return test::eventually([&] { return broker->health().state == state; });
  }

  std::unique_ptr<Broker> const broker;
  Publisher publisher;
};

inline void hold_confirms(Session& session) { session.confirm_by_itself(false); }

/// Waits until so many publishes have arrived, and no more.
[[nodiscard]] inline bool have_arrived(test::AmqpServer const& server, std::size_t count) {
  return test::eventually([&] { return server.published().size() == count; });
}

}  // namespace fairlead::amqp
