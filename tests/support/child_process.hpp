#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::test {

/// A program of the tests, run beside them; its standard output is read. Killed when destroyed.
class ChildProcess {
 public:
  /// `command[0]` is the path of the program. Throws std::system_error when it cannot be started.
  explicit ChildProcess(std::vector<std::string> command);
  ChildProcess(ChildProcess const&) = delete;
  ChildProcess& operator=(ChildProcess const&) = delete;
  ~ChildProcess();

  /// Reads until the program ends and returns its exit status, or -signal; nothing when it still runs at the deadline.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds patience);
  /// What it has written so far, line by line.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string written_;
};

}  // namespace fairlead::test
