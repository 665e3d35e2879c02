#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace fairlead {

/// A named thread of the library: joins when destroyed, and blocks all signals, so that the application's handlers
/// never run on it and a peer that goes away cannot kill the process by SIGPIPE. Single-owner.
class Thread {
 public:
  Thread() noexcept;
  /// `stack_bytes` 0 means the system's default.
  Thread(std::string_view name, std::function<void()> body, std::size_t stack_bytes = 0);
  Thread(Thread&&) noexcept;
  Thread& operator=(Thread&&) noexcept;
  ~Thread();

  void join();
  /// Lets it run on its own: for a call into a client library that does not come back.
  void detach();
  [[nodiscard]] bool joinable() const noexcept { return state_ != nullptr; }
  [[nodiscard]] bool is_current() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead
