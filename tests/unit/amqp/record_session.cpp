#include "amqp/byte_buffer.hpp"
#include "amqp/frame_writer.hpp"
#include "config/broker_url.hpp"
#include "core/event_fd.hpp"
#include "core/unique_fd.hpp"
#include "support/listener.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"
#include "unit/amqp/recorded_session.hpp"

#include <fairlead/fairlead.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

// Writes down a session with the RabbitMQ of FAIRLEAD_AMQP_URL, on which nobody has used `orders` yet:
//   tests/brokers/provision.sh --amqp -- record_amqp_session publish recorded_session.publish.txt
//   tests/brokers/provision.sh --amqp -- record_amqp_session consume recorded_session.consume.txt
namespace fairlead::amqp {
namespace {

/// Stands between one connection and the broker and writes down its frames in the order in which they came by.
class Tap {
 public:
  explicit Tap(std::uint16_t broker_port)
      : broker_port_(broker_port), listener_(test::listen_on_loopback()), thread_([this] { serve(); }) {}

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port; }
  /// Once the client has closed its connection.
  [[nodiscard]] Recording take() {
    thread_.join();
    return std::move(recording_);
  }

 private:
  void serve() {
    UniqueFd const client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    UniqueFd const broker(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto const address = test::loopback(broker_port_);
    if (::connect(broker.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) return;
    std::string to_broker;
    std::string to_client;
    for (bool is_open = true; is_open;) {
      std::array<pollfd, 2> ready{pollfd{client.get(), POLLIN, 0}, pollfd{broker.get(), POLLIN, 0}};
      ::poll(ready.data(), ready.size(), -1);
      if (ready[0].revents != 0) is_open = forward(client, broker, false, to_broker);
      if (ready[1].revents != 0) is_open = forward(broker, client, true, to_client) && is_open;
    }
  }

  /// `rest`: the beginning of a frame that has not come by completely.
  bool forward(UniqueFd const& from, UniqueFd const& to, bool is_from_broker, std::string& rest) {
    std::array<char, 4'096> bytes;
    auto const count = ::recv(from.get(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    rest.append(bytes.data(), static_cast<std::size_t>(count));
    for (;;) {
      constexpr std::size_t kProtocolHeader = 8;
      constexpr std::size_t kBeforePayload = 7;
      std::size_t size = kProtocolHeader;
      if (!rest.starts_with("AMQP")) {
        if (rest.size() < kBeforePayload) break;
        size = load_big_endian<std::uint32_t>(rest.data() + 3) + kFrameOverhead;
      }
      if (rest.size() < size) break;
      recording_.push_back({is_from_broker, rest.substr(0, size)});
      rest.erase(0, size);
    }
    return ::send(to.get(), bytes.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
  }

  std::uint16_t const broker_port_;
  test::Listener const listener_;
  Recording recording_;
  std::thread thread_;
};

void publish(std::string const& url) {
  auto broker = Broker::open(session_config(url)).value();
  auto const results = broker->publisher("orders").value().publish_batch(messages_to_publish());
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const expected = is_routable(i) ? PublishStatus::kConfirmed : PublishStatus::kUnroutable;
    if (publish_status(results[i]) != expected) throw std::runtime_error(results[i].error().message);
  }
  broker->close(test::kPatience).value();
}

void consume(std::string const& url) {
  auto broker = Broker::open(session_config(url)).value();
  test::Recorder recorder;
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto const count = messages_to_consume().size();
  if (!test::eventually([&] { return recorder.finished() == count; })) throw std::runtime_error("not all arrived");
  billing.stop(test::kPatience).value();
  broker->close(test::kPatience).value();
}

void record(std::string_view what, std::string const& path) {
  auto const* const environment = std::getenv("FAIRLEAD_AMQP_URL");
  std::string const url = environment != nullptr ? environment : "";
  auto const parsed = parse_broker_url(url);
  if (!parsed || parsed->hosts.empty()) throw std::runtime_error("needs FAIRLEAD_AMQP_URL");
  if (what == "consume") {
    auto broker = Broker::open(session_config(url)).value();
    for (auto const& result : broker->publisher("orders").value().publish_batch(messages_to_consume())) {
      if (!result) throw std::runtime_error(result.error().message);
    }
  }
  Tap tap(parsed->hosts.front().port);
  auto const through = "amqp://guest:guest@127.0.0.1:" + std::to_string(tap.port()) + "/";
  what == "publish" ? publish(through) : consume(through);
  write_recording(path,
                  "# A session with RabbitMQ that was written down by record_session.cpp: " + std::string(what) +
                      ".\n# One frame per line, in the order in which they came by: B(roker) or C(lient), in hex.\n",
                  tap.take());
}

}  // namespace
}  // namespace fairlead::amqp

int main(int argc, char** argv) {
  std::string_view const what = argc == 3 ? argv[1] : "";
  if (what != "publish" && what != "consume") {
    std::fprintf(stderr, "usage: record_amqp_session publish|consume FILE\n");
    return 2;
  }
  try {
    fairlead::amqp::record(what, argv[2]);
  } catch (std::exception const& exception) {
    std::fprintf(stderr, "record_amqp_session: %s\n", exception.what());
    return 1;
  }
}
