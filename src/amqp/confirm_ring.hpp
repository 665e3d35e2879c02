#pragma once

#include "core/seeded_fault.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fairlead {
struct PendingPublish;
}

namespace fairlead::amqp {

/// One message handed to the broker that was not confirmed yet.
struct Unconfirmed {
  PendingPublish* pending = nullptr;  ///< null once answered out of order
  std::size_t fingerprint = 0;        ///< of exchange, routing key and id: a basic.return names its message by these
  std::uint64_t begin = 0;            ///< where its frames begin and end in the stream of all publishes
  std::uint64_t end = 0;
  bool is_returned = false;
};

/// The unconfirmed messages of a channel in the order of their delivery tags: the tag is the place in the ring, so
/// that neither a publish nor its confirm searches or allocates. Thread-compatible.
class ConfirmRing {
 public:
  explicit ConfirmRing(std::size_t expected) : entries_(std::bit_ceil(expected < 16 ? std::size_t{16} : expected)) {}

  void push(Unconfirmed const& message) {
    if (count_ == entries_.size()) grow();
    at(count_++) = message;
  }

  /// basic.ack or basic.nack: calls `done(Unconfirmed&)` for each message it answers. Tags that are not waiting are
  /// ignored.
  template <class Done>
  void settle(std::uint64_t tag, bool multiple, Done done) {
    if (is_seeded(SeededFault::kIgnoreMultiple)) multiple = false;
    if (multiple && tag == 0) tag = head_tag_ + count_ - 1;  // the protocol's "all so far"
    if (tag < head_tag_ || tag - head_tag_ >= count_) return;
    auto const last = static_cast<std::size_t>(tag - head_tag_);
    for (auto i = multiple ? std::size_t{0} : last; i <= last; ++i) {
      auto& entry = at(i);
      if (entry.pending == nullptr) continue;
      done(entry);
      entry.pending = nullptr;
    }
    drop_answered();
  }

  /// basic.return: marks the oldest message with this fingerprint. Its confirm follows. False: there is none.
  bool mark_returned(std::size_t fingerprint) noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      auto& entry = at(i);
      if (entry.pending == nullptr || entry.is_returned || entry.fingerprint != fingerprint) continue;
      return entry.is_returned = true;
    }
    return false;
  }

  /// The channel is new: its first tag is 1. Drops the messages for which `lost(Unconfirmed&)` is true.
  template <class Lost>
  void restart(Lost lost) {
    remove_if(std::move(lost));
    head_tag_ = 1;
  }

  /// Drops messages that were never sent, so that no tag was given to them or to one behind them.
  template <class Dropped>
  void remove_if(Dropped dropped) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (auto& entry = at(i); !dropped(entry)) at(kept++) = entry;
    }
    count_ = kept;
  }

  /// Calls `visit(Unconfirmed&)` for each message, and forgets those it has answered by setting `pending` to null.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < count_; ++i) visit(at(i));
    drop_answered();
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  [[nodiscard]] Unconfirmed& at(std::size_t i) noexcept { return entries_[(head_ + i) & (entries_.size() - 1)]; }
  void drop_answered() noexcept {
    while (count_ > 0 && at(0).pending == nullptr) {
      head_ = (head_ + 1) & (entries_.size() - 1);
      --count_;
      ++head_tag_;
    }
  }
  void grow() {
    std::vector<Unconfirmed> larger(entries_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) larger[i] = at(i);
    entries_ = std::move(larger);
    head_ = 0;
  }

  std::vector<Unconfirmed> entries_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::uint64_t head_tag_ = 1;
};

}  // namespace fairlead::amqp
