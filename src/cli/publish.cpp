#include "cli/command.hpp"
#include "cli/json_message.hpp"
#include "observe/redact.hpp"

#include <fairlead/broker.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <string>
#include <utility>

namespace fairlead::cli {
namespace {

/// How the publishes ended; they end on the broker's completion thread. Thread-safe.
class Tally {
 public:
  void end(std::int64_t line, Result<Receipt> const& result) {
    if (result) {
      confirmed_.fetch_add(1, std::memory_order_relaxed);
    } else {
      complain(line, result.error());
    }
  }
  void complain(std::int64_t line, Error const& error) {
    std::lock_guard const lock(output_);
    std::cerr << "fairlead: line " + std::to_string(line) + ": " + redact(error.message) + "\n";
  }
  [[nodiscard]] std::int64_t confirmed() const { return confirmed_; }

 private:
  std::atomic<std::int64_t> confirmed_{0};
  std::mutex output_;
};

/// What the command line gives every message.
Result<Message> make_template(PublishCommand const& command) {
  Message message;
  message.key = command.key;
  for (auto const& header : command.headers) {
    auto const equals = header.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::kInvalidArgument, "--header takes NAME=VALUE, not '" + header + "'"};
    }
    message.headers.set(header.substr(0, equals), header.substr(equals + 1));
  }
  return message;
}

Result<Message> read_message(std::string const& line, bool json, Message const& common) {
  if (json) return from_json_line(line, common);
  Message message = common;
  message.payload = line;
  return message;
}

}  // namespace

int run_publish(PublishCommand const& command) {
  auto const common = make_template(command);
  if (!common) return report(common.error());
  auto config = make_config(command.target);
  if (!config) return report(config.error());
  auto const deadline = config->publish.deadline;
  Tally tally;
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  auto publisher = (*broker)->publisher(command.target.destination);
  if (!publisher) return report(publisher.error());

  std::int64_t lines = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++lines;
    auto const message = read_message(line, command.json, *common);
    if (!message) {
      tally.complain(lines, message.error());
      continue;
    }
    publisher->publish_async(*message,
                             [&tally, number = lines](Result<Receipt> const& result) { tally.end(number, result); });
  }
  // Every publish ends by its deadline; what close still finds has been reported by then.
  (void)publisher->flush(deadline + std::chrono::seconds(1));
  (void)(*broker)->close(std::chrono::seconds(10));
  std::int64_t const confirmed = tally.confirmed();
  std::cerr << "published " << lines << " confirmed " << confirmed << " failed " << lines - confirmed << '\n';
  return confirmed == lines ? kOk : kFailed;
}

}  // namespace fairlead::cli
