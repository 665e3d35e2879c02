#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <deque>
#include <random>
#include <string>

namespace fairlead::torture {

/// What the network does with one direction now.
struct Direction {
  bool is_held = false;    ///< nothing passes, and comes later
  bool is_lost = false;    ///< nothing passes, and is gone
  bool is_sliced = false;  ///< 1 to 7 bytes at a time
  int delay_ms = 0;
  int jitter_ms = 0;
};

struct Network {
  Direction up, down;

  [[nodiscard]] bool delays() const noexcept { return up.delay_ms + up.jitter_ms > 0; }
  [[nodiscard]] bool holds_any() const noexcept { return up.is_held || down.is_held; }
};

/// One direction of one connection: what came and was not passed on yet.
class Stream {
 public:
  enum class State { kFlows, kEnded, kBroken, kCut };

  /// Passes on what may pass now. `from` or `to` below zero: that peer is gone, and what it does not take vanishes.
  State move(int from, int to, Direction const& way) {
    if (way.is_held && to >= 0 && from >= 0) return State::kFlows;
    if (from >= 0 && read(from, to < 0 || way.is_lost, way) == State::kBroken) return State::kBroken;
    if (to < 0) return has_ended_ ? State::kEnded : State::kFlows;
    auto const state = write(to, way);
    if (state != State::kFlows || !has_ended_ || !waiting_.empty()) return state;
    if (!is_told_) ::shutdown(to, SHUT_WR);
    is_told_ = true;
    return State::kEnded;
  }

  [[nodiscard]] bool wants_read(Direction const& way) const noexcept {
    return !has_ended_ && !way.is_held && size_ < kMaxWaiting;
  }
  [[nodiscard]] bool wants_write(Direction const& way) const noexcept {
    return !waiting_.empty() && !way.is_held && wait_ms() == 0;
  }

  /// Until the first piece may pass; a second when there is none.
  [[nodiscard]] int wait_ms() const noexcept {
    if (waiting_.empty()) return 1000;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(waiting_.front().due - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 1000));
  }

  /// That many more bytes pass, and the connection is over; below zero: no end is set.
  void cut_after(long bytes) noexcept { cut_after_ = bytes; }

  /// What waits for its time need not wait.
  void hurry() {
    for (auto& piece : waiting_) piece.due = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxWaiting = 256 * 1024;
  static constexpr int kSlicesAtOnce = 64;

  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };

  State read(int from, bool is_lost, Direction const& way) {
    while (!has_ended_ && size_ < kMaxWaiting) {
      char bytes[64 * 1024];
      auto const got = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 0) return errno == EAGAIN || errno == EINTR ? State::kFlows : State::kBroken;
      if (got == 0) has_ended_ = true;
      if (got == 0 || is_lost) continue;
      std::uniform_int_distribution<int> jitter(0, way.jitter_ms);
      auto const due =
          Clock::now() + std::chrono::milliseconds(way.delay_ms + (way.jitter_ms > 0 ? jitter(random_) : 0));
      waiting_.push_back({due, std::string(bytes, static_cast<std::size_t>(got))});
      size_ += static_cast<std::size_t>(got);
    }
    return State::kFlows;
  }

  State write(int to, Direction const& way) {
    int slices = way.is_sliced ? kSlicesAtOnce : -1;
    while (!waiting_.empty() && wait_ms() == 0 && slices-- != 0) {
      auto& bytes = waiting_.front().bytes;
      auto count = bytes.size() - sent_;
      if (way.is_sliced) count = std::min<std::size_t>(count, std::uniform_int_distribution<int>(1, 7)(random_));
      if (cut_after_ >= 0) count = std::min(count, static_cast<std::size_t>(cut_after_));
      auto const sent = count == 0 ? 0 : ::send(to, bytes.data() + sent_, count, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) return errno == EAGAIN || errno == EINTR ? State::kFlows : State::kBroken;
      sent_ += static_cast<std::size_t>(sent);
      size_ -= static_cast<std::size_t>(sent);
      if (cut_after_ >= 0) cut_after_ -= sent;
      if (cut_after_ == 0) return State::kCut;
      if (sent_ < bytes.size()) continue;
      waiting_.pop_front();
      sent_ = 0;
    }
    return State::kFlows;
  }

  std::deque<Piece> waiting_;
  std::size_t size_ = 0;  // of what waits
  std::size_t sent_ = 0;  // of the first piece
  long cut_after_ = -1;
  bool has_ended_ = false;
  bool is_told_ = false;
  std::minstd_rand random_{1};
};

}  // namespace fairlead::torture
