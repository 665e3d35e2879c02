#include "support/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

extern char** environ;

namespace fairlead::test {

ChildProcess::ChildProcess(std::vector<std::string> command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int const failure = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  output_ = ends[0];
  if (failure != 0) {
    ::close(output_);
    throw std::system_error(failure, std::generic_category(), command[0]);
  }
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds patience) {
  auto const deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 4096> chunk{};
  while (true) {
    auto const left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd waiting{output_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    ssize_t const got = ::read(output_, chunk.data(), chunk.size());
    if (got > 0) {
      written_.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0) {
      break;  // its last writer is gone: the program has ended
    }
  }
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::vector<std::string> ChildProcess::lines() const {
  std::vector<std::string> all;
  std::istringstream text(written_);
  for (std::string line; std::getline(text, line);) all.push_back(line);
  return all;
}

}  // namespace fairlead::test
