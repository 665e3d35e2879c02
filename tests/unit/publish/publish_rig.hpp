#pragma once

#include "core/thread.hpp"
#include "publish/confirm_window.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace fairlead::test {

/// A window whose completions run on a thread of their own, as a broker's do.
class RunningWindow {
 public:
  RunningWindow(std::size_t messages, std::size_t bytes, std::shared_ptr<Logger> logger = nullptr)
      : window(std::make_shared<ConfirmWindow>(messages, bytes, std::move(logger))),
        thread_("completions", [w = window] {
          while (w->run_completions(ConfirmWindow::Clock::now() + std::chrono::hours(1))) {
          }
        }) {}
  RunningWindow(RunningWindow const&) = delete;
  RunningWindow& operator=(RunningWindow const&) = delete;
  ~RunningWindow() {
    window->close();
    window->abandon_all();
  }
  std::shared_ptr<ConfirmWindow> const window;

 private:
  Thread thread_;
};

}  // namespace fairlead::test
