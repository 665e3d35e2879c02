#include "consume/handler_watch.hpp"

namespace fairlead {

std::optional<HandlerWatch::Overrun> HandlerWatch::check(Clock::time_point now,
                                                         std::chrono::milliseconds timeout) noexcept {
  auto current = current_.load(std::memory_order_acquire);
  if ((current & kReported) != 0) return std::nullopt;
  if (current != seen_) {
    seen_ = current;
    seen_since_ = now;
    return std::nullopt;
  }
  if (current == 0 || now - seen_since_ < timeout) return std::nullopt;
  if (!current_.compare_exchange_strong(current, current | kReported, std::memory_order_acq_rel)) return std::nullopt;
  return Overrun{partition_.load(std::memory_order_relaxed), position_.load(std::memory_order_relaxed),
                 std::chrono::duration_cast<std::chrono::milliseconds>(now - seen_since_)};
}

}  // namespace fairlead
