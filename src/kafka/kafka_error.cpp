#include "kafka/kafka_error.hpp"

#include "observe/redact.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace fairlead::kafka {
namespace {

struct Meaning {
  rd_kafka_resp_err_t code;
  Errc errc;
  bool retryable = false;
  bool maybe_applied = false;
  std::string_view hint{};
};

constexpr bool kRetry = true;
constexpr bool kMaybeApplied = true;

constexpr std::string_view kCredentials = "see the user and password in `broker`, and kafka.conf.sasl.mechanisms";
constexpr std::string_view kClientCertificate =
    "the broker refused the client's certificate, see kafka.conf.ssl.certificate.location and ssl.key.location";
constexpr std::string_view kRights = "the user needs more rights on the cluster";
constexpr std::string_view kTopicSettings = "see destinations.<name>.partitions and destinations.<name>.kafka";
constexpr std::string_view kLimits = "see publish.max_message_bytes and the topic's max.message.bytes";
constexpr std::string_view kReplicas = "fewer replicas are in sync than the topic's min.insync.replicas";
constexpr std::string_view kMadeAnew = "the producer is made anew; see publish.unconfirmed";

constexpr std::array kMeanings{
    // --- found by librdkafka itself ---
    Meaning{RD_KAFKA_RESP_ERR__BAD_MSG, Errc::kProtocol},
    Meaning{RD_KAFKA_RESP_ERR__BAD_COMPRESSION, Errc::kProtocol},
    Meaning{RD_KAFKA_RESP_ERR__UNDERFLOW, Errc::kProtocol},
    Meaning{RD_KAFKA_RESP_ERR__PARTIAL, Errc::kProtocol},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_PROTOCOL, Errc::kProtocol},
    Meaning{RD_KAFKA_RESP_ERR__DESTROY, Errc::kClosed},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_QUEUE, Errc::kClosed},
    Meaning{RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, Errc::kClosed, false, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR__TRANSPORT, Errc::kConnectionLost, kRetry, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR__RESOLVE, Errc::kNotConnected, kRetry, false, "see the host names in `broker`"},
    Meaning{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, Errc::kNotConnected, kRetry, false, "see the addresses in `broker`"},
    Meaning{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, Errc::kTimeout, kRetry, kMaybeApplied, "see publish.deadline"},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT, Errc::kTimeout, kRetry, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, Errc::kTimeout, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__QUEUE_FULL, Errc::kWouldBlock, kRetry, false,
            "see publish.window_messages and publish.window_bytes"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Errc::kUnroutable, false, false, "the topic does not exist"},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, Errc::kUnroutable, false, false, "the partition does not exist"},
    Meaning{RD_KAFKA_RESP_ERR__ISR_INSUFF, Errc::kRefused, kRetry, false, kReplicas},
    Meaning{RD_KAFKA_RESP_ERR__SSL, Errc::kTls, false, false,
            "see kafka.conf.ssl.ca.location, and whether the port speaks TLS: one without needs kafka://"},
    Meaning{RD_KAFKA_RESP_ERR__AUTHENTICATION, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR__WAIT_COORD, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__IN_PROGRESS, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__WAIT_CACHE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__RETRY, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, Errc::kTimeout, kRetry},
    Meaning{RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, Errc::kUnsupported},
    Meaning{RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, Errc::kUnsupported},
    Meaning{RD_KAFKA_RESP_ERR__INVALID_ARG, Errc::kInvalidArgument},
    Meaning{RD_KAFKA_RESP_ERR__UNKNOWN_GROUP, Errc::kInvalidArgument},
    Meaning{RD_KAFKA_RESP_ERR__FATAL, Errc::kConnectionLost, kRetry, false, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, Errc::kConnectionLost, kRetry, false, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR__FENCED, Errc::kConnectionLost, kRetry, false, kMadeAnew},
    // --- answered by the broker ---
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN, Errc::kRefused, kRetry, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Errc::kUnroutable, false, false, "the topic does not exist"},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Errc::kInvalidArgument, false, false,
            "Kafka does not take this topic name, see destinations.<name>.kafka.topic"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_MSG, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_NOT_CONTROLLER, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, Errc::kRefused, kRetry, false, "a quota of the broker"},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, Errc::kRefused, kRetry, false, kReplicas},
    Meaning{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, Errc::kRefused, kRetry, kMaybeApplied, kReplicas},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, Errc::kRefused, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Errc::kRefused, false, false,
            "another member uses the same kafka.conf.group.instance.id"},
    Meaning{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Errc::kTimeout, kRetry, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, Errc::kConnectionLost, kRetry, kMaybeApplied},
    Meaning{RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, Errc::kNotConnected, kRetry},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, Errc::kTooLarge, false, false, kLimits},
    Meaning{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Errc::kTooLarge, false, false, kLimits},
    Meaning{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, Errc::kTooLarge, false, false, kLimits},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Errc::kAccessDenied, false, false, kRights},
    Meaning{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Errc::kAccessDenied, false, false, kRights},
    Meaning{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Errc::kAccessDenied, false, false, kRights},
    Meaning{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Errc::kAccessDenied, false, false, kRights},
    Meaning{RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED, Errc::kAccessDenied, false, false, kRights},
    Meaning{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_SECURITY_DISABLED, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_EXPIRED, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_UNACCEPTABLE_CREDENTIAL, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_PRINCIPAL_DESERIALIZATION_FAILURE, Errc::kAuthentication, false, false, kCredentials},
    Meaning{RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, Errc::kPreconditionFailed, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, Errc::kInvalidConfig, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, Errc::kInvalidConfig, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT, Errc::kInvalidConfig, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_CONFIG, Errc::kInvalidConfig, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, Errc::kInvalidConfig, false, false, kTopicSettings},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, Errc::kInvalidConfig, false, false,
            "see kafka.conf.session.timeout.ms"},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, Errc::kInvalidArgument, false, false, "see subscriptions.<name>.group"},
    Meaning{RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, Errc::kPreconditionFailed, false, false,
            "other members of the group use another kafka.conf.partition.assignment.strategy"},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Errc::kUnsupported},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, Errc::kUnsupported},
    Meaning{RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, Errc::kUnsupported, false, false, "see kafka.compression"},
    Meaning{RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
    Meaning{RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Errc::kConnectionLost, kRetry, kMaybeApplied, kMadeAnew},
};

/// Everything else: broker codes are positive, librdkafka's own negative.
Meaning meaning_of(rd_kafka_resp_err_t code) noexcept {
  auto const* const found =
      std::find_if(kMeanings.begin(), kMeanings.end(), [code](Meaning const& known) { return known.code == code; });
  if (found != kMeanings.end()) return *found;
  return {code, code > RD_KAFKA_RESP_ERR_NO_ERROR ? Errc::kRefused : Errc::kInternal};
}

bool says(std::string_view detail, std::string_view words) noexcept {
  return detail.find(words) != std::string_view::npos;
}

/// An alert of TLS is the peer's last word, and may be reported as a lost connection: TLS 1.3 refuses a client's
/// certificate only after the client has finished its handshake.
Meaning meaning_of_alert(std::string_view detail) noexcept {
  auto meaning = meaning_of(RD_KAFKA_RESP_ERR__SSL);
  if (says(detail, "certificate") || says(detail, "unknown ca")) meaning.hint = kClientCertificate;
  meaning.maybe_applied = kMaybeApplied;
  return meaning;
}

}  // namespace

Error to_error(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail) {
  auto meaning = meaning_of(code);
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT && says(detail, " alert ")) meaning = meaning_of_alert(detail);
  std::string message(what);
  message += ": ";
  message += detail.empty() ? std::string(rd_kafka_err2str(code)) : redact(detail);
  if (!meaning.hint.empty()) {
    message += " (";
    message += meaning.hint;
    message += ')';
  }
  return {meaning.errc, std::move(message), meaning.retryable, meaning.maybe_applied, static_cast<int>(code)};
}

}  // namespace fairlead::kafka
