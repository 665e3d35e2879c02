#include "conformance/outage.hpp"

#include "support/local_broker.hpp"
#include "support/tcp_proxy.hpp"

#include <signal.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace fairlead::conformance {
namespace {

class HoleInFront final : public Outage {
 public:
  HoleInFront(std::string url, std::size_t port_at, std::size_t port_size)
      : proxy_(static_cast<std::uint16_t>(std::stoi(url.substr(port_at, port_size)))), url_(std::move(url)) {
    url_.replace(port_at, port_size, std::to_string(proxy_.port()));
  }
  std::string url() const override { return url_; }
  void begin() override { proxy_.swallow_everything(); }
  void end() override { proxy_.heal(); }

 private:
  test::TcpProxy proxy_;
  std::string url_;
};

class StoppedProcess final : public Outage {
 public:
  StoppedProcess(std::string url, pid_t pid) : url_(std::move(url)), pid_(pid) {}
  ~StoppedProcess() override { end(); }
  std::string url() const override { return url_; }
  void begin() override { ::kill(pid_, SIGSTOP); }
  void end() override { ::kill(pid_, SIGCONT); }

 private:
  std::string url_;
  pid_t pid_;
};

}  // namespace

std::unique_ptr<Outage> Outage::of(std::string const& url, test::Missing& missing) {
  if (url.starts_with("amqp://")) {
    auto const host_end = std::min(url.find_first_of("/?", 7), url.size());
    auto const colon = url.rfind(':', host_end);
    if (url.find("127.0.0.1:") != std::string::npos && url.find(',') == std::string::npos) {
      return std::make_unique<HoleInFront>(url, colon + 1, host_end - colon - 1);
    }
    missing = {"the proxy is for one broker on 127.0.0.1", true};
    return nullptr;
  }
  if (!url.starts_with("kafka://")) {
    missing = {"this broker lives in the process and cannot stop answering", true};
    return nullptr;
  }
  auto const kafka = test::local_broker("kafka");
  missing = kafka.missing;
  if (kafka.directory.empty()) return nullptr;
  pid_t pid = 0;
  std::ifstream(kafka.directory + "/1/pid") >> pid;
  if (pid > 0) return std::make_unique<StoppedProcess>(url, pid);
  missing = {"no process id in " + kafka.directory};
  return nullptr;
}

}  // namespace fairlead::conformance
