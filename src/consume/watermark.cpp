#include "consume/watermark.hpp"

#include "core/seeded_fault.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

std::uint64_t Watermark::add(std::int64_t position) {
  if (size() == ring_.size()) grow();
  at(next_) = {position, false};
  return next_++;
}

std::optional<std::int64_t> Watermark::complete(std::uint64_t slot) noexcept {
  at(slot).is_complete = true;
  if (slot != first_ && is_seeded(SeededFault::kCommitMax)) return at(slot).position;
  if (slot != first_) return std::nullopt;
  while (first_ != next_ && at(first_).is_complete) position_ = at(first_++).position;
  return position_;
}

void Watermark::grow() {
  std::vector<Entry> wider(std::max<std::size_t>(64, ring_.size() * 2));
  for (std::uint64_t slot = first_; slot != next_; ++slot) wider[slot & (wider.size() - 1)] = at(slot);
  ring_ = std::move(wider);
}

}  // namespace fairlead
