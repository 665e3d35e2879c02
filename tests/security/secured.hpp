#pragma once

#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// How a failed comparison shows a code.
inline void PrintTo(Errc code, std::ostream* out) { *out << to_string(code); }

}  // namespace fairlead

namespace fairlead::security {

using namespace std::chrono_literals;
using test::eventually;

/// A Kafka and a RabbitMQ with TLS and users, as `tests/brokers/provision.sh --secured` starts them. Without them the
/// tests are skipped, or fail when FAIRLEAD_REQUIRE_BROKERS=1.
class Secured : public testing::Test {
 protected:
  void SetUp() override;

  /// A file of make-certs.sh, such as `ca.crt`.
  [[nodiscard]] std::string cert(std::string const& file) const { return folder_ + "/certs/" + file; }
  /// What the start scripts wrote: KAFKA_BOOTSTRAP_SSL, AMQPS_ADDRESSES, ...
  [[nodiscard]] std::string address(std::string const& key) const;

  /// One destination `orders` with one group; how to get in is still to be said.
  [[nodiscard]] Config config(std::string const& broker) const;
  /// TLS that trusts `authority`; RabbitMQ asks for a client certificate too.
  [[nodiscard]] Config kafka_tls(std::string const& address, std::string const& authority = "ca.crt") const;
  [[nodiscard]] Config amqp_tls(std::string const& address, std::string const& authority = "ca.crt",
                                std::string const& certificate = "client", std::string const& login = "guest:guest@",
                                std::string const& more = "") const;
  [[nodiscard]] std::string key_pair(std::string const& name) const;  ///< of an amqps:// query

  /// What opening fails with; adds a failure when it succeeds, or takes longer than `connect_timeout` and a bit.
  [[nodiscard]] Error refusal(Config const& config, std::string_view what) const;
  void expect_works(Config const& config);

  [[nodiscard]] std::string const& folder() const noexcept { return folder_; }
  /// Runs rabbitmqctl on the secured RabbitMQ; throws when it fails.
  void rabbitmqctl(std::vector<std::string> const& arguments) const;
  /// A RabbitMQ user of the test's own, who may do everything in `/`.
  [[nodiscard]] std::string add_user(std::string const& password) const;
  /// And ends all connections of that user.
  void change_password(std::string const& user, std::string const& password) const;

  std::shared_ptr<test::Notebook> const log_ = std::make_shared<test::Notebook>(LogLevel::kTrace);
  std::string const destination_ = unique_name("orders");

  [[nodiscard]] static std::string unique_name(std::string_view prefix);

 private:
  std::string folder_;
};

[[nodiscard]] bool has(std::string_view text, std::string_view part);

/// The error has that code, and its message names each of `parts`.
void expect_error(Error const& error, Errc code, std::vector<std::string> const& parts);

}  // namespace fairlead::security
