#include "resilience/backoff.hpp"

#include "core/seeded_fault.hpp"

#include <algorithm>
#include <cmath>

namespace fairlead {

std::chrono::milliseconds backoff_ceiling(BackoffPolicy const& policy, std::uint32_t failures) noexcept {
  double const exponent = failures == 0 ? 0.0 : static_cast<double>(failures - 1);
  double const delay = static_cast<double>(policy.initial.count()) * std::pow(policy.multiplier, exponent);
  double const cap = static_cast<double>(policy.max.count());
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(delay, cap)));
}

std::chrono::milliseconds backoff_delay(BackoffPolicy const& policy, std::uint32_t failures, std::mt19937_64& random) {
  auto const ceiling = backoff_ceiling(policy, failures);
  if (is_seeded(SeededFault::kNoJitter)) return ceiling;
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling.count())(random));
}

std::chrono::milliseconds Backoff::next() { return backoff_delay(policy_, ++failures_, random_); }

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) ^ device();
}

}  // namespace fairlead
