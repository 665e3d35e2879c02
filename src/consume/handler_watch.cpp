#include "consume/handler_watch.hpp"

namespace fairlead {

std::optional<HandlerWatch::Overrun> HandlerWatch::check(Clock::time_point now,
                                                         std::chrono::milliseconds timeout) noexcept {
  auto const current = current_.load(std::memory_order_acquire);
  if (current != seen_) {
    seen_ = current;
    seen_since_ = now;
    is_reported_ = false;
    return std::nullopt;
  }
  if (current == 0 || is_reported_ || now - seen_since_ < timeout) return std::nullopt;
  is_reported_ = true;
  return Overrun{partition_.load(std::memory_order_relaxed), position_.load(std::memory_order_relaxed),
                 std::chrono::duration_cast<std::chrono::milliseconds>(now - seen_since_)};
}

}  // namespace fairlead
