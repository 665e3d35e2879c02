#pragma once

#include <string>

namespace fairlead::security {

/// Who may do what with a Kafka topic, as its administrator says at `address`. Failures are those of the test.
class KafkaAcls {
 public:
  KafkaAcls(std::string address, std::string topic) : address_(std::move(address)), topic_(std::move(topic)) {}

  /// `user` may do nothing with the topic any more, and nobody but the administrator may.
  void deny(std::string const& user) const;
  /// Everybody may do everything with it, as at the beginning.
  void clear() const;

 private:
  std::string const address_;
  std::string const topic_;
};

}  // namespace fairlead::security
