#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::test {

/// A Redis of the test's own on a free loopback port, with a folder of its own; both end with it, also when the test
/// crashes. Throws std::runtime_error when it does not start.
class RedisServer {
 public:
  /// `arguments` go to redis-server behind those that keep it on loopback and without persistence.
  explicit RedisServer(std::vector<std::string> arguments = {});
  RedisServer(RedisServer const&) = delete;
  RedisServer& operator=(RedisServer const&) = delete;
  ~RedisServer();

  /// Empty: redis-server is installed. Otherwise what to do about it.
  [[nodiscard]] static std::string missing();

  [[nodiscard]] std::string url(std::string const& login = "") const;
  /// As by SIGKILL: nothing is written or said any more.
  void kill();
  /// On the same port and with the same folder, after `kill`.
  void start();
  /// Stops answering, connections and all, until `resume`.
  void freeze() const;
  void resume() const;

 private:
  [[nodiscard]] bool try_start();
  [[nodiscard]] bool answers() const;

  std::vector<std::string> arguments_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace fairlead::test
