#include "amqp/reconnect_policy.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::amqp {

ReconnectPolicy::ReconnectPolicy(std::vector<HostPort> hosts, BackoffPolicy policy, std::uint64_t seed)
    : hosts_(std::move(hosts)), next_host_(hosts_.size()), random_(seed), backoff_(policy, random_()) {}

ReconnectPolicy::Attempt ReconnectPolicy::next(std::chrono::milliseconds at_least) {
  auto delay = at_least;
  if (next_host_ >= hosts_.size()) {
    std::shuffle(hosts_.begin(), hosts_.end(), random_);
    next_host_ = 0;
    auto const backoff = backoff_.next();
    if (!std::exchange(is_immediate_, false)) delay = std::max(delay, backoff);
  }
  return {hosts_[next_host_++], delay};
}

void ReconnectPolicy::lost(TimePoint now) {
  next_host_ = hosts_.size();  // a new round
  if (now - connected_at_ < kStable) return;
  backoff_.reset();
  is_immediate_ = true;
}

}  // namespace fairlead::amqp
