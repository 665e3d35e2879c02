#include "kafka/client_watch.hpp"
#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_log.hpp"
#include "kafka/kafka_source.hpp"
#include "kafka/lost_position.hpp"
#include "kafka/version_gates.hpp"
#include "observe/logging.hpp"

#include <string>
#include <utility>

// The part of KafkaSource that says what is wrong, and when it no longer is. librdkafka tells of a failure once and
// never of its end, so while there is one, the cluster is asked.
namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{1'000};
constexpr milliseconds kAskTime{100};
constexpr milliseconds kSayAgain{30'000};

}  // namespace

void KafkaSource::take_error(rd_kafka_resp_err_t code, char const* why) {
  auto error = to_error(code, "connection to Kafka", why);
  on_connection_error(consumer_->handle(), error);
  add_login_hint(error, consumer_->handle());
  log(*setup_.logger, LogLevel::kWarn, "connection", error.message,
      {LogField{log_field::kErrorType, to_string(error.code)}});
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT) return;  // the rest of the brokers may do
  // The last broker went down after the cause was told.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble_) return;
  say_trouble(error);
}

void KafkaSource::take_log(int severity, char const* facility, char const* text) {
  write_log(*setup_.logger, severity, facility, text);
  if (std::string_view(facility) == "SESSTMOUT") heard_by_ = Clock::now() + setup_.until_lost;
  auto const lost = lost_position(facility, text);
  if (!lost || !topic_index(lost->topic)) return;
  intake_.report({Errc::kRefused, "partition " + std::to_string(lost->partition) + " of topic '" +
                                      std::string(lost->topic) +
                                      "' does not keep the group's position any more, so reading goes on at the "
                                      "earliest that it keeps: messages may be missing, see the topic's retention.ms "
                                      "and retention.bytes, or come again, if the topic was made anew"});
}

void KafkaSource::say_trouble(Error const& error) {
  auto const now = Clock::now();
  trouble_ = Trouble{error, now + kAskAgain, now};
  intake_.report(error);
}

void KafkaSource::look_into_trouble() {
  if (!trouble_ || Clock::now() < trouble_->ask_at) return;
  for (std::size_t i = kMainTopic; i <= setup_.retries.size(); ++i) {
    auto const partitions = partitions_of(consumer_->handle(), topic_name(i), Clock::now() + kAskTime);
    auto const now = Clock::now();
    trouble_->ask_at = now + kAskAgain;
    if (partitions && *partitions > 0) continue;
    // Messages of another topic may have made it look as if all were well.
    if (now >= trouble_->said_at + kSayAgain) {
      trouble_->said_at = now;
      intake_.report(trouble_->error);
    }
    return;
  }
  trouble_.reset();
  intake_.recovered();
}

}  // namespace fairlead::kafka
