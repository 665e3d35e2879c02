#include "cli/json_message.hpp"

#include "core/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace fairlead::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kDeliveryMembers{"encoding", "partition", "position", "attempt", "timestamp"};

ordered_json to_json(std::string_view bytes) {
  if (is_utf8(bytes)) return bytes;
  return {{"base64", base64(bytes)}};
}

std::optional<std::string> text_of(json const& value) {
  if (value.is_string()) return value.get<std::string>();
  auto const wrapped = value.is_object() ? value.find("base64") : value.end();
  if (wrapped == value.end() || !wrapped->is_string()) return std::nullopt;
  return from_base64(wrapped->get_ref<std::string const&>());
}

std::string* field_of(Message& message, std::string_view name) {
  if (name == "key") return &message.key;
  if (name == "id") return &message.id;
  if (name == "routing_key") return &message.routing_key;
  if (name == "payload") return &message.payload;
  return nullptr;
}

Error wrong(std::string_view name, std::string_view problem) {
  return {Errc::kSerialization, std::string(name).append(" ").append(problem)};
}

Result<void> read_headers(json const& headers, Message& message) {
  if (!headers.is_object()) return wrong("headers", "must be an object");
  for (auto const& [name, value] : headers.items()) {
    auto const text = text_of(value);
    if (!text) return wrong("headers." + name, "must be a string or {\"base64\":...}");
    message.headers.set(name, *text);
  }
  return {};
}

Result<void> read_member(std::string const& name, json const& value, Message& message) {
  if (value.is_null()) return {};
  if (name == "headers") return read_headers(value, message);
  std::string* const field = field_of(message, name);
  if (field != nullptr) {
    auto text = text_of(value);
    if (!text) return wrong(name, "must be a string or {\"base64\":...}");
    *field = *std::move(text);
  } else if (std::find(kDeliveryMembers.begin(), kDeliveryMembers.end(), name) == kDeliveryMembers.end()) {
    return wrong("unknown member", name);
  }
  return {};
}

}  // namespace

std::string to_json_line(Delivery const& delivery) {
  ordered_json line;
  line["key"] = to_json(delivery.key());
  auto& headers = line["headers"] = ordered_json::object();
  for (auto const& header : delivery.headers()) headers[std::string(header.name)] = to_json(header.value);
  bool const is_text = is_utf8(delivery.payload());
  line["payload"] = is_text ? std::string(delivery.payload()) : base64(delivery.payload());
  if (!is_text) line["encoding"] = "base64";
  line["id"] = to_json(delivery.id());
  line["partition"] = delivery.partition();
  line["position"] = delivery.position();
  line["attempt"] = delivery.attempt();
  line["timestamp"] =
      std::chrono::duration_cast<std::chrono::milliseconds>(delivery.timestamp().time_since_epoch()).count();
  // Only a header's name can still be something else than UTF-8.
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<Message> from_json_line(std::string const& line, Message message) {
  json const object = json::parse(line, nullptr, false);
  if (!object.is_object()) return Error{Errc::kSerialization, "not a JSON object"};
  for (auto const& [name, value] : object.items()) {
    if (auto read = read_member(name, value, message); !read) return std::move(read).error();
  }
  auto const encoding = object.find("encoding");
  if (encoding != object.end() && !encoding->is_null()) {
    if (*encoding != "base64") return wrong("encoding", "must be base64");
    auto decoded = from_base64(message.payload);
    if (!decoded) return wrong("payload", "is not base64");
    message.payload = *std::move(decoded);
  }
  if (!object.contains("payload")) return wrong("payload", "is missing");
  return message;
}

}  // namespace fairlead::cli
