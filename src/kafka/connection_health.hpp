#pragma once

#include <fairlead/error.hpp>
#include <fairlead/health.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace fairlead::kafka {

/// What is known of the brokers behind one handle. librdkafka tells what fails, not that it works again: while there is
/// a doubt, its owner asks the cluster now and then and says here what came of it. Thread-safe.
class ConnectionHealth {
 public:
  /// librdkafka's error callback; `all_down` when no broker is left, which says nothing about the cause.
  void failed(Error error, bool all_down);
  /// A broker answers.
  void works();
  /// None does.
  void is_unreachable();

  /// Something failed since it last worked.
  [[nodiscard]] bool is_in_doubt() const noexcept { return in_doubt_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool all_down() const;
  [[nodiscard]] std::optional<Error> last_error() const;
  /// `reconnects`: how often all brokers were lost and one came back.
  [[nodiscard]] BrokerHealth get() const;

 private:
  std::atomic<bool> in_doubt_{false};
  std::mutex mutable mutex_;  // of what follows
  std::optional<Error> error_;
  bool all_down_ = false;
  std::uint64_t reconnects_ = 0;
};

}  // namespace fairlead::kafka
