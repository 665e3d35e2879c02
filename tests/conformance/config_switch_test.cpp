#include "conformance/conformance.hpp"

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <regex>

// One program and one configuration; which broker it talks to is decided by the URL in the environment.
namespace fairlead::conformance {
namespace {

using Switching = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Switching, testing::ValuesIn(brokers_under_test()), name_of);

constexpr auto kConfiguration = R"(
broker: ${CONFORMANCE_BROKER_URL}
service: order-pipeline
log: {level: warn}
destinations:
  DESTINATION:
    partitions: 3
    groups: [billing-of-DESTINATION]
    kafka: {replication_factor: 1}
    amqp: {type: topic}
subscriptions:
  billing:
    destination: DESTINATION
    group: billing-of-DESTINATION
    ordering: key
    concurrency: 4
    retry: {max_attempts: 3, initial: 5ms, max: 20ms}
  inspection:
    destination: DESTINATION.billing-of-DESTINATION.dlq
    group: inspection-of-DESTINATION
)";

/// What each user's messages became, in the order of their handling.
class Transcript {
 public:
  void add(std::string const& user, std::string const& what) {
    std::lock_guard const lock(mutex_);
    lines_[user] += what + " ";
    something_changed();
  }
  [[nodiscard]] std::map<std::string, std::string> lines() const {
    std::lock_guard const lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> lines_;
};

void run_order_pipeline(Broker& broker, std::string const& destination, Transcript& transcript) {
  std::mutex mutex;
  std::atomic<int> ended{0};
  auto billing =
      broker
          .subscribe("billing",
                     [&](Delivery const& delivery) {
                       std::string const order(delivery.payload());
                       transcript.add(std::string(delivery.key()), order + "/" + std::to_string(delivery.attempt()));
                       if (order == "poison") return retry("cannot be billed");
                       if (order == "fraud") return reject("fraud");
                       if (order == "flaky" && delivery.attempt() == 1) return retry("try again");
                       ++ended;
                       return ack();
                     })
          .value();
  auto inspection = broker
                        .subscribe("inspection",
                                   [&](Delivery const& delivery) {
                                     transcript.add("dead " + std::string(delivery.key()),
                                                    std::string(delivery.payload()) + "/" +
                                                        std::string(*delivery.header("fairlead-attempts")));
                                     ++ended;
                                     return ack();
                                   })
                        .value();
  auto orders = broker.publisher(destination).value();
  int published = 0;
  for (auto const* user : {"ada", "bob", "eve"}) {
    for (auto const* order : {"first", "flaky", "poison", "second", "fraud", "third"}) {
      orders.publish(order, {.key = user}).value();
      ++published;
    }
  }
  (void)eventually([&] { return ended == published; });
  broker.close(kPatience).value();
}

TEST_P(Switching, TheUrlAloneMovesTheProgramToAnotherBroker) {
  ::setenv("CONFORMANCE_BROKER_URL", url_.c_str(), 1);
  std::string const text = std::regex_replace(kConfiguration, std::regex("DESTINATION"), destination_);
  auto const configuration = parse_config(text, "orders.yaml");
  ASSERT_TRUE(configuration) << configuration.error().message;
  auto const broker = open(*configuration);
  Transcript transcript;

  run_order_pipeline(*broker, destination_, transcript);

  std::string const handled = "first/1 flaky/1 flaky/2 poison/1 poison/2 poison/3 second/1 fraud/1 third/1 ";
  std::map<std::string, std::string> const expected{{"ada", handled},
                                                    {"bob", handled},
                                                    {"eve", handled},
                                                    {"dead ada", "poison/3 fraud/1 "},
                                                    {"dead bob", "poison/3 fraud/1 "},
                                                    {"dead eve", "poison/3 fraud/1 "}};
  EXPECT_EQ(transcript.lines(), expected);
}

TEST_P(Switching, CapabilitiesGiveAReasonForWhatIsNotNative) {
  auto broker = open(config());
  Capabilities const& can = broker->capabilities();
  EXPECT_FALSE(can.system.empty());
  EXPECT_GT(can.default_window_messages, 0U);
  EXPECT_TRUE(can.key_order) << "the contract promises it on every broker";
  for (Capability const& capability : {can.key_order, can.priority, can.time_to_live, can.routing_patterns,
                                       can.kept_without_group, can.unroutable_detection, can.replay,
                                       can.receipts_with_position, can.authentication, can.survives_process_exit}) {
    if (capability.support != Support::kNative) {
      EXPECT_FALSE(capability.reason.empty());
    }
  }
}

}  // namespace
}  // namespace fairlead::conformance
