#include "publish/retry_sink.hpp"

#include "publish/confirm_window.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

/// Keeps what makes a message a retry.
class Place final : public Sink {
 public:
  struct Got {
    std::string payload;
    std::int64_t due_at_ms = -1;
    std::string only_group;
  };
  explicit Place(Got& got) : got_(got) {}
  Result<void> publish(Outbound const& message, PendingPublish&) override {
    got_ = {std::string(message.payload), message.due_at_ms, std::string(message.only_group)};
    return {};
  }

 private:
  Got& got_;
};

Place::Got published_to(std::chrono::milliseconds delay, std::chrono::nanoseconds since_epoch) {
  DestinationPlan plan;
  plan.kind = DestinationPlan::Kind::kRetry;
  plan.groups.push_back({"billing", Ordering::kKey, {}, true, {}});
  plan.delay = delay;
  Place::Got got;
  RetrySink sink(std::make_unique<Place>(got), plan, [since_epoch] {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
  });
  Outbound message;
  message.payload = "order";
  PendingPublish pending;
  sink.publish(message, pending).value();
  return got;
}

TEST(RetrySink, MessageIsDueAfterTheDelayOfItsTierAndNoEarlier) {
  auto const got = published_to(10s, 1'000ms);
  EXPECT_EQ(got.payload, "order");
  EXPECT_EQ(got.due_at_ms, 11'000);
  EXPECT_EQ(published_to(10s, 1'000ms + 1us).due_at_ms, 11'001) << "rounded up";
  EXPECT_EQ(got.only_group, "") << "nobody else reads the tier";
}

TEST(RetrySink, WithoutADelayTheMessageIsForItsGroupAlone) {
  auto const got = published_to(0s, 1'000ms);
  EXPECT_EQ(got.only_group, "billing");
  EXPECT_EQ(got.due_at_ms, 0);
}

}  // namespace
}  // namespace fairlead
