#include "kafka/kafka_conf.hpp"
#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <string>

// What librdkafka is told that the promises depend on.
namespace fairlead::kafka {
namespace {

std::string consumer_property(NativeOptions client, char const* name, bool reads_retries = false) {
  auto const conf = make_conf(consumer_options(std::move(client), "billing", reads_retries)).value();
  char value[64];
  std::size_t size = sizeof value;
  return rd_kafka_conf_get(conf.get(), name, value, &size) == RD_KAFKA_CONF_OK ? value : "unknown";
}

TEST(KafkaConf, AJoinOfAGroupWaitsAMinuteForItsAnswerAndNotFive) {
  EXPECT_EQ(consumer_property({}, "max.poll.interval.ms"), "60000");
  EXPECT_EQ(consumer_property({{"max.poll.interval.ms", "120000"}}, "max.poll.interval.ms"), "120000");
}

TEST(KafkaConf, ALongerSessionIsAllowedByItself) {
  EXPECT_EQ(consumer_property({{"session.timeout.ms", "90000"}}, "max.poll.interval.ms"), "90000");
}

TEST(KafkaConf, WhereTheCoordinatorIsCanBeToldBeforeARefusedCommitIsRepeated) {
  constexpr double kLeastBackoff = 0.8;  // librdkafka's jitter
  constexpr int kRoundTrip = 100;
  for (bool const reads_retries : {false, true}) {
    auto const fetch = std::stoi(consumer_property({}, "fetch.wait.max.ms", reads_retries));
    auto const backoff = std::stoi(consumer_property({}, "retry.backoff.ms", reads_retries));
    EXPECT_LE(fetch + kRoundTrip, backoff * kLeastBackoff);
  }
  EXPECT_EQ(consumer_property({{"fetch.wait.max.ms", "500"}}, "fetch.wait.max.ms"), "500");
}

/// Of TCP sockets in this process.
int sockets_that_notice_a_dead_peer() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  int found = 0;
  for (int fd = 0; fd < static_cast<int>(limit.rlim_cur) && fd < 4'096; ++fd) {
    unsigned user_timeout = 0;
    int is_kept_alive = 0;
    int idle = 0;
    socklen_t size = sizeof user_timeout;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, &size) != 0) continue;
    size = sizeof idle;
    ::getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
    size = sizeof is_kept_alive;
    ::getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &is_kept_alive, &size);
    if (user_timeout == 20'000 && idle == 10 && is_kept_alive != 0) ++found;
  }
  return found;
}

TEST(KafkaConf, ConnectionsNoticeAPeerThatHasGone) {
  test::MockCluster const cluster;
  auto const client = consumer_options(client_options({}, parse_broker_url(cluster.url()).value()).value(), "g", false);
  auto conf = make_conf(client).value();
  auto* const handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf.release(), nullptr, 0);
  rd_kafka_metadata_t const* metadata = nullptr;
  ASSERT_EQ(rd_kafka_metadata(handle, 1, nullptr, &metadata, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_metadata_destroy(metadata);
  EXPECT_TRUE(test::eventually([] { return sockets_that_notice_a_dead_peer() > 0; }));  // it may be connecting anew
  rd_kafka_destroy(handle);
}

}  // namespace
}  // namespace fairlead::kafka
