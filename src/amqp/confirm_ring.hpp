#pragma once

#include "amqp/frame_log.hpp"
#include "core/seeded_fault.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead {
struct PendingPublish;
}

namespace fairlead::amqp {

/// By which a basic.return names its message.
[[nodiscard]] inline std::size_t fingerprint_of(std::string_view exchange, std::string_view routing_key,
                                                std::string_view id) noexcept {
  std::hash<std::string_view> const hash;
  return (hash(exchange) * 31 + hash(routing_key)) * 31 + hash(id);
}

/// One message handed to the channel that was not confirmed yet.
struct Unconfirmed {
  PendingPublish* pending = nullptr;     ///< null once answered out of order
  std::size_t fingerprint = 0;           ///< of exchange, routing key and id
  FrameLog::Segment* segment = nullptr;  ///< where its frames are; null when they need not be kept any more
  std::uint32_t offset = 0;              ///< of its frames in the segment
  std::uint32_t size = 0;
  bool is_returned = false;
  bool maybe_applied = false;  ///< it was sent on a channel that is gone, so the broker may have it
  bool is_suspect = false;     ///< it was on its way when the broker closed the channel over one of these
};

/// The unconfirmed messages of a channel in the order of their delivery tags: the tag is the place in the ring, so
/// that neither a publish nor its confirm searches or allocates. Those at the end were not sent yet and have no tag.
/// Thread-compatible.
class ConfirmRing {
 public:
  explicit ConfirmRing(std::size_t expected) : entries_(std::bit_ceil(expected < 16 ? std::size_t{16} : expected)) {}

  void push(Unconfirmed const& message) {
    if (count_ == entries_.size()) grow();
    at(count_++) = message;
  }

  /// The oldest that was not sent; there is one.
  [[nodiscard]] Unconfirmed& next_unsent() noexcept { return at(sent_); }
  /// It is being sent: gives it its tag.
  std::uint64_t send() noexcept { return head_tag_ + sent_++; }
  /// Of the messages from this tag on, those for which `is_sent(Unconfirmed&)` is false were not sent after all; none
  /// behind such a one was.
  template <class IsSent>
  void unsend_from(std::uint64_t tag, IsSent is_sent) {
    auto const end = sent_;
    for (auto i = static_cast<std::size_t>(tag > head_tag_ ? tag - head_tag_ : 0); i < end; ++i) {
      if (!is_sent(at(i)) && i < sent_) sent_ = i;
    }
  }

  /// basic.ack or basic.nack: calls `done(Unconfirmed&)` for each message it answers. Tags that are not waiting are
  /// ignored.
  template <class Done>
  void settle(std::uint64_t tag, bool multiple, Done done) {
    if (is_seeded(SeededFault::kIgnoreMultiple)) multiple = false;
    if (multiple && tag == 0) tag = head_tag_ + sent_ - 1;  // the protocol's "all so far"
    if (tag < head_tag_ || tag - head_tag_ >= sent_) return;
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
    for (std::size_t i = 0; i < sent_; ++i) {
      auto& entry = at(i);
      if (entry.pending == nullptr || entry.is_returned || entry.fingerprint != fingerprint) continue;
      return entry.is_returned = true;
    }
    return false;
  }

  /// The channel is new: its first tag is 1, and nothing was sent on it. Drops the messages for which
  /// `dropped(Unconfirmed&, bool was_sent)` is true.
  template <class Dropped>
  void restart(Dropped dropped) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (auto& entry = at(i); !dropped(entry, i < sent_)) at(kept++) = entry;
    }
    if (kept > 1 && is_seeded(SeededFault::kResendOutOfOrder)) std::swap(at(0), at(kept - 1));
    count_ = kept;
    sent_ = 0;
    head_tag_ = 1;
  }

  /// Drops messages that were not sent, for which no tag was given.
  template <class Dropped>
  void remove_unsent_if(Dropped dropped) {
    auto kept = sent_;
    for (auto i = sent_; i < count_; ++i) {
      if (auto& entry = at(i); !dropped(entry)) at(kept++) = entry;
    }
    count_ = kept;
  }

  /// Calls `visit(Unconfirmed&)` for each message that was sent, and forgets those it has answered by setting `pending`
  /// to null.
  template <class Visit>
  void for_each_sent(Visit visit) {
    for (std::size_t i = 0; i < sent_; ++i) visit(at(i));
    drop_answered();
  }

  /// `visit(Unconfirmed&, bool was_sent)`, without forgetting any.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < count_; ++i) visit(at(i), i < sent_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
  [[nodiscard]] bool has_unsent() const noexcept { return sent_ < count_; }

 private:
  [[nodiscard]] Unconfirmed& at(std::size_t i) noexcept { return entries_[(head_ + i) & (entries_.size() - 1)]; }
  void drop_answered() noexcept {
    while (sent_ > 0 && at(0).pending == nullptr) {
      head_ = (head_ + 1) & (entries_.size() - 1);
      --count_;
      --sent_;
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
  std::size_t sent_ = 0;
  std::uint64_t head_tag_ = 1;
};

}  // namespace fairlead::amqp
