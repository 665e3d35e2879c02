#include <fairlead/message.hpp>

#include <algorithm>

namespace fairlead {

Headers::Headers(std::initializer_list<Header> headers) {
  headers_.reserve(headers.size());
  for (auto const& header : headers) set(header.name, header.value);
}

void Headers::set(std::string_view name, std::string_view value) {
  auto const found = std::find_if(headers_.begin(), headers_.end(), [&](Header const& h) { return h.name == name; });
  if (found != headers_.end()) {
    found->value = value;
  } else {
    headers_.push_back({std::string(name), std::string(value)});
  }
}

void Headers::erase(std::string_view name) {
  std::erase_if(headers_, [&](Header const& h) { return h.name == name; });
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (auto const& header : headers_) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

PublishOptions Message::options() const {
  PublishOptions options;
  options.key = key;
  options.id = id;
  options.idempotency_key = idempotency_key;
  options.routing_key = routing_key;
  options.content_type = content_type;
  options.headers = headers;
  options.time_to_live = time_to_live;
  options.priority = priority;
  return options;
}

}  // namespace fairlead
