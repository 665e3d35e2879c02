#pragma once

#include "support/recorder.hpp"
#include "support/wait.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// How a failed comparison shows a code.
inline void PrintTo(Errc code, std::ostream* out) { *out << to_string(code); }

}  // namespace fairlead

namespace fairlead::conformance {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::kPatience;
using test::Recorder;
using test::Seen;
using test::something_changed;

/// A broker that the suite runs on. Where it is comes from the environment; without that its tests are skipped, or
/// fail when FAIRLEAD_REQUIRE_BROKERS=1.
struct BrokerUnderTest {
  std::string name;
  std::string url_variable;  ///< empty: the broker lives in this process

  friend std::ostream& operator<<(std::ostream& out, BrokerUnderTest const& broker) { return out << broker.name; }
};

/// What every file of the suite is instantiated with.
[[nodiscard]] std::vector<BrokerUnderTest> brokers_under_test();
[[nodiscard]] std::string name_of(testing::TestParamInfo<BrokerUnderTest> const& broker);

/// One test on one broker. Each has a destination of its own, so tests may run at the same time and on a broker that
/// was used before. What a broker cannot do is skipped by its `Capabilities`, never by its name.
class Conformance : public testing::TestWithParam<BrokerUnderTest> {
 protected:
  void SetUp() override;

  /// One destination with one group, and the subscription `billing` of that group, with short retry delays.
  [[nodiscard]] Config config() const;
  /// The configuration of its default subscription, to be changed before `open`.
  [[nodiscard]] static SubscriptionConfig& billing_of(Config& config) { return config.subscriptions.at("billing"); }
  [[nodiscard]] DestinationConfig& orders_of(Config& config) const { return config.destinations.at(destination_); }
  /// Adds the subscription `name` of the destination, with its group.
  SubscriptionConfig& add_group(Config& config, std::string const& name) const;
  /// Adds the subscription `inspection`, which reads what the group `billing` gave up on.
  void read_dead_letters(Config& config) const;

  /// Opens a broker; throws when that fails. What lives in this process is kept until the end of the test, as a server
  /// would keep it.
  [[nodiscard]] std::unique_ptr<Broker> open(Config const& config);

  /// Publishes all and expects each to be confirmed.
  void publish(Broker& broker, std::vector<Message> const& messages) const;
  void publish(Broker& broker, std::string payload, std::string key = {}) const;

  std::string const destination_ = unique_name("orders");
  /// The group of that subscription, of this test alone: a Kafka group is one for the whole cluster, and who joins it
  /// or dies in another test would rebalance it here.
  [[nodiscard]] std::string group_of(std::string const& subscription) const {
    return subscription + "-of-" + destination_;
  }
  std::string url_;

  [[nodiscard]] static std::string unique_name(std::string_view prefix);

 private:
  std::unique_ptr<Broker> anchor_;
};

/// `prefix`0, `prefix`1, ... as messages without a key, or all with the key.
[[nodiscard]] std::vector<Message> numbered(std::string const& prefix, int count, std::string const& key = {});
/// The payloads of the messages, for comparison with what was seen.
[[nodiscard]] std::vector<std::string> payloads_of(std::vector<Message> const& messages);
[[nodiscard]] std::set<std::string> distinct(std::vector<std::string> const& payloads);

/// Payloads are `key:n` with n growing per key: the first handling of each message came after those of all earlier
/// messages of its key.
void expect_key_order(std::vector<Seen> const& seen);

class Stopwatch {
 public:
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_);
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// How much later than its bound a call may return on a busy machine.
inline constexpr std::chrono::milliseconds kSlack{3'000};

}  // namespace fairlead::conformance
