#include "cli/command.hpp"
#include "core/text.hpp"

#include <fairlead/broker.hpp>

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <string>

namespace fairlead::cli {
namespace {

using nlohmann::json;

/// A JSON string, decoded when the object says that it is base64.
Result<std::string> text_of(json const& value, bool is_base64, char const* what) {
  auto const problem = [&](char const* text) { return Error{Errc::kSerialization, std::string(what) + text}; };
  if (!value.is_string()) return problem(" must be a string");
  if (!is_base64) return value.get<std::string>();
  auto decoded = from_base64(value.get_ref<std::string const&>());
  if (!decoded) return problem(" is not base64");
  return *std::move(decoded);
}

/// One line of `--json` input on top of what the command line says.
Result<Message> parse_line(std::string const& line, Message message) {
  json const object = json::parse(line, nullptr, false);
  if (!object.is_object()) return Error{Errc::kSerialization, "not a JSON object"};
  bool const is_base64 = object.value("encoding", json()) == "base64";
  for (auto const& [name, value] : object.items()) {
    if (value.is_null()) continue;
    if (name == "headers") {
      if (!value.is_object()) return Error{Errc::kSerialization, "headers must be an object"};
      for (auto const& [header, header_value] : value.items()) {
        bool const wrapped = header_value.is_object() && header_value.contains("base64");
        auto text = text_of(wrapped ? header_value["base64"] : header_value, wrapped, header.c_str());
        if (!text) return std::move(text).error();
        message.headers.set(header, *text);
      }
      continue;
    }
    std::string* field = name == "payload"       ? &message.payload
                         : name == "key"         ? &message.key
                         : name == "id"          ? &message.id
                         : name == "routing_key" ? &message.routing_key
                                                 : nullptr;
    // What `consume --json` adds is read back without complaint; anything else is a slip of the keyboard.
    bool const ignored =
        name == "encoding" || name == "partition" || name == "position" || name == "attempt" || name == "timestamp";
    if (field == nullptr && !ignored) return Error{Errc::kSerialization, "unknown member '" + name + "'"};
    if (field == nullptr) continue;
    auto text = text_of(value, is_base64 && name == "payload", name.c_str());
    if (!text) return std::move(text).error();
    *field = *std::move(text);
  }
  if (!object.contains("payload")) return Error{Errc::kSerialization, "no member 'payload'"};
  return message;
}

/// Counts the answers; they come on the broker's completion thread.
struct Tally {
  std::atomic<std::int64_t> confirmed{0};
  std::atomic<std::int64_t> failed{0};
  std::mutex output;

  void refused(std::int64_t line, std::string const& why) {
    failed.fetch_add(1);
    std::lock_guard const lock(output);
    std::cerr << "line " << line << ": " << why << '\n';
  }
};

Result<Message> template_message(PublishCommand const& command) {
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

}  // namespace

int run_publish(PublishCommand const& command) {
  auto common = template_message(command);
  if (!common) return report(common.error());
  auto config = make_config(command.target);
  if (!config) return report(config.error());
  auto const deadline = config->publish.deadline;
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  auto publisher = (*broker)->publisher(command.target.destination);
  if (!publisher) return report(publisher.error());

  Tally tally;
  std::int64_t lines = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++lines;
    Message message = *common;
    if (command.json) {
      auto parsed = parse_line(line, std::move(message));
      if (!parsed) {
        tally.refused(lines, parsed.error().message);
        continue;
      }
      message = *std::move(parsed);
    } else {
      message.payload = std::move(line);
    }
    publisher->publish_async(message, [&tally, number = lines](Result<Receipt> const& result) {
      if (result) {
        tally.confirmed.fetch_add(1);
      } else {
        tally.refused(number, result.error().message);
      }
    });
  }
  (void)(*broker)->flush(deadline + std::chrono::seconds(1));
  (void)(*broker)->close(std::chrono::seconds(10));
  std::cerr << "published " << lines << " confirmed " << tally.confirmed << " failed " << lines - tally.confirmed
            << '\n';
  return tally.confirmed == lines ? kOk : kFailed;
}

}  // namespace fairlead::cli
