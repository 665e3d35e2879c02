#include "unit/amqp/recorded_session.hpp"

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace fairlead::amqp {

namespace {

constexpr std::size_t kMessages = 32;
constexpr std::size_t kPayload = 200;
constexpr std::string_view kDigits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (char const byte : bytes) {
    auto const value = static_cast<unsigned char>(byte);
    hex += kDigits[value >> 4];
    hex += kDigits[value & 15];
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    auto const high = kDigits.find(hex[i]);
    auto const low = kDigits.find(hex[i + 1]);
    if (high == kDigits.npos || low == kDigits.npos) throw std::runtime_error("no hex in a recording");
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::vector<Message> messages(std::string_view name) {
  std::vector<Message> all(kMessages);
  for (std::size_t i = 0; i < kMessages; ++i) {
    auto const number = std::to_string(100 + i);
    all[i].id = std::string(name) + "-" + number;
    all[i].payload = number + ":";
    all[i].payload.resize(kPayload, static_cast<char>('a' + i % 26));
    all[i].routing_key = "order.created";
  }
  return all;
}

}  // namespace

Recording read_recording(std::string const& path) {
  std::ifstream file(path);
  Recording recording;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("B ") || line.starts_with("C ")) {
      recording.push_back({line[0] == 'B', from_hex(std::string_view(line).substr(2))});
    }
  }
  if (recording.empty()) throw std::runtime_error("no recording in " + path);
  return recording;
}

void write_recording(std::string const& path, std::string const& comment, Recording const& recording) {
  std::ofstream file(path);
  file << comment;
  for (auto const& frame : recording) file << (frame.is_from_broker ? "B " : "C ") << to_hex(frame.bytes) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

Config session_config(std::string broker_url) {
  Config config;
  config.broker = std::move(broker_url);
  config.service = "recorded";
  auto& orders = config.destinations["orders"];
  orders.groups = {"billing"};
  orders.amqp.bindings["billing"] = {"order.#"};
  auto& billing = config.subscriptions["billing"];
  billing.destination = "orders";
  billing.group = "billing";
  billing.dead_letter = false;
  return config;
}

std::vector<Message> messages_to_publish() {
  auto all = messages("published");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_routable(i)) all[i].routing_key = "nobody";
  }
  return all;
}

std::vector<Message> messages_to_consume() { return messages("consumed"); }

}  // namespace fairlead::amqp
