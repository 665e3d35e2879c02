#pragma once

#include "config/broker_url.hpp"
#include "resilience/backoff.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace fairlead::amqp {

/// Which host to try next, and when. All hosts are tried in shuffled order before the next delay; delays grow and are
/// fully jittered. The first attempt after a connection that had proved itself is made at once. Thread-compatible.
class ReconnectPolicy {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// A connection that lived this long has proved itself.
  static constexpr std::chrono::seconds kStable{5};

  ReconnectPolicy(std::vector<HostPort> hosts, BackoffPolicy policy, std::uint64_t seed);

  struct Attempt {
    HostPort host;
    std::chrono::milliseconds delay{0};
  };
  /// `at_least`: for failures that time alone does not cure, such as a wrong password.
  [[nodiscard]] Attempt next(std::chrono::milliseconds at_least = std::chrono::milliseconds{0});
  void connected(TimePoint now) noexcept { connected_at_ = now; }
  void lost(TimePoint now);

 private:
  std::vector<HostPort> hosts_;
  std::size_t next_host_;
  std::mt19937_64 random_;
  Backoff backoff_;
  TimePoint connected_at_;
  bool is_immediate_ = true;
};

}  // namespace fairlead::amqp
