#pragma once

#include "consume/inbound.hpp"
#include "consume/key_table.hpp"

#include <fairlead/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fairlead {

/// Decides which messages may be handled now. Of each key one message at a time is out: ready, running, or parked for
/// a retry; the others wait behind it in order. What is ready runs in the order it became ready, and a key goes to the
/// end of that line after each of its messages, so that no key starves another. Messages without a key have no order
/// (`ordering: partition` takes the lane for the key, `none` knows no keys).
/// Owns no message, thread or lock. Thread-compatible.
class KeyedDispatcher {
 public:
  using Clock = std::chrono::steady_clock;

  explicit KeyedDispatcher(Ordering ordering, KeyTable::Hash hash = hash_key) : ordering_(ordering), keys_(hash) {}

  void push(Inbound& message);
  /// The next ready message, which is then running; null when there is none.
  [[nodiscard]] Inbound* take() noexcept { return ready_.pop(); }
  /// A message that was taken and not begun is first in line again. For several: the last one first.
  void give_back(Inbound& message) noexcept;
  /// The message leaves; the next one of its key becomes ready. The message's bytes must still be there.
  void complete(Inbound& message) noexcept;

  /// A message that was taken waits until `due`; of the others only those of its key wait with it.
  void park(Inbound& message, Clock::time_point due);
  /// Parked messages that are due become ready; returns how many.
  std::size_t release_due(Clock::time_point now) noexcept;
  [[nodiscard]] std::optional<Clock::time_point> next_due() const noexcept;

  /// Takes out what is not running: of one lane, from a slot of its watermark on.
  void drop_lane(Lane lane, std::uint64_t from_slot, InboundList& dropped);
  /// The slots of that lane that are not running.
  [[nodiscard]] std::vector<std::uint64_t> slots_of(Lane lane);

  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size; }
  /// Keys of which a message is here or running.
  [[nodiscard]] std::size_t keys() const noexcept { return keys_.size(); }

  [[nodiscard]] static std::uint64_t hash_key(std::string_view key) noexcept;

 private:
  Ordering ordering_;
  KeyTable keys_;
  InboundList ready_;
  std::vector<Inbound*> parked_;  // a heap, the earliest due first
};

}  // namespace fairlead
