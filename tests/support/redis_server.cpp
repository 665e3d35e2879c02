#include "support/redis_server.hpp"

#include "core/unique_fd.hpp"
#include "support/loopback.hpp"
#include "support/wait.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace fairlead::test {
namespace {

constexpr std::uint16_t kFirstPort = 21'000;
constexpr std::uint16_t kLastPort = 31'999;

std::string program() {
  char const* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/redis-server";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "fairlead-redis-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::uniform_int_distribution<std::uint16_t> ports(kFirstPort, kLastPort);
  std::random_device random;
  for (int attempt = 0; attempt < 10; ++attempt) {
    port_ = ports(random);
    if (try_start()) return;
  }
  throw std::runtime_error("redis-server does not start");
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string RedisServer::missing() {
  return program().empty() ? "redis-server is not installed: tests/setup.sh brokers" : "";
}

std::string RedisServer::url(std::string const& login) const {
  return "redis://" + login + "127.0.0.1:" + std::to_string(port_);
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

void RedisServer::start() {
  if (!try_start()) throw std::runtime_error("redis-server does not start again");
}

void RedisServer::freeze() const { ::kill(pid_, SIGSTOP); }
void RedisServer::resume() const { ::kill(pid_, SIGCONT); }

bool RedisServer::try_start() {
  std::vector<std::string> words{program(), "--bind",    "127.0.0.1",     "--port", std::to_string(port_),
                                 "--save",  "",          "--appendonly",  "no",     "--dir",
                                 folder_,   "--logfile", folder_ + "/log"};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  bool has_ended = false;
  bool const is_up = eventually([&] {
    has_ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;  // the port was taken
    return has_ended || answers();
  });
  if (has_ended) pid_ = -1;
  if (is_up && !has_ended) return true;
  kill();
  return false;
}

bool RedisServer::answers() const {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in const address = loopback(port_);
  if (::connect(fd.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) return false;
  std::string_view const ping = "PING\r\n";
  if (::send(fd.get(), ping.data(), ping.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ping.size())) return false;
  char first = 0;
  std::string reply;
  while (::recv(fd.get(), &first, 1, 0) == 1 && first != '\n') reply.push_back(first);
  return reply.starts_with("+PONG") || reply.starts_with("-NOAUTH");
}

}  // namespace fairlead::test
