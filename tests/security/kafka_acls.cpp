#include "security/kafka_acls.hpp"

#include <librdkafka/rdkafka.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace fairlead::security {
namespace {

constexpr int kPatienceMs = 30'000;

/// One request of an administrator and its answer.
void ask(std::string const& address, std::function<void(rd_kafka_t*, rd_kafka_queue_t*)> const& request) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", address.c_str(), nullptr, 0);
  std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> const admin(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0),
                                                                 rd_kafka_destroy);
  std::unique_ptr<rd_kafka_queue_t, void (*)(rd_kafka_queue_t*)> const answers(rd_kafka_queue_new(admin.get()),
                                                                               rd_kafka_queue_destroy);
  request(admin.get(), answers.get());
  std::unique_ptr<rd_kafka_event_t, void (*)(rd_kafka_event_t*)> const answer(
      rd_kafka_queue_poll(answers.get(), kPatienceMs), rd_kafka_event_destroy);
  ASSERT_TRUE(answer);
  ASSERT_EQ(rd_kafka_event_error(answer.get()), RD_KAFKA_RESP_ERR_NO_ERROR)
      << rd_kafka_event_error_string(answer.get());
}

}  // namespace

void KafkaAcls::deny(std::string const& user) const {
  ask(address_, [&](rd_kafka_t* admin, rd_kafka_queue_t* answers) {
    auto* acl = rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_TOPIC, topic_.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                                        ("User:" + user).c_str(), "*", RD_KAFKA_ACL_OPERATION_ALL,
                                        RD_KAFKA_ACL_PERMISSION_TYPE_DENY, nullptr, 0);
    rd_kafka_CreateAcls(admin, &acl, 1, nullptr, answers);
    rd_kafka_AclBinding_destroy(acl);
  });
}

void KafkaAcls::clear() const {
  ask(address_, [&](rd_kafka_t* admin, rd_kafka_queue_t* answers) {
    auto* filter = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_TOPIC, topic_.c_str(), RD_KAFKA_RESOURCE_PATTERN_LITERAL, nullptr, nullptr,
        RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, nullptr, 0);
    rd_kafka_DeleteAcls(admin, &filter, 1, nullptr, answers);
    rd_kafka_AclBinding_destroy(filter);
  });
}

}  // namespace fairlead::security
