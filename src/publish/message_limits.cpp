#include "publish/message_limits.hpp"

#include "core/wire_names.hpp"

#include <algorithm>
#include <string>

namespace fairlead {
namespace {

bool is_header_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxHeaderName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Error too_large(std::string const& what, std::size_t size, std::size_t limit) {
  return {Errc::kTooLarge, what + " has " + std::to_string(size) + " bytes; the limit is " + std::to_string(limit)};
}

Result<void> check_headers(Headers const& headers) {
  if (headers.size() > kMaxHeaders) {
    return Error{Errc::kTooLarge,
                 std::to_string(headers.size()) + " headers; the limit is " + std::to_string(kMaxHeaders)};
  }
  for (auto const& header : headers) {
    if (!is_header_name(header.name)) {
      return Error{Errc::kInvalidArgument, "header names have 1 to 255 printable ASCII characters without spaces"};
    }
    if (wire::is_reserved(header.name)) {
      return Error{Errc::kInvalidArgument,
                   "header '" + header.name + "' is reserved; set the property of PublishOptions that it stands for"};
    }
    if (header.value.size() > kMaxHeaderValue) {
      return too_large("header '" + header.name + "'", header.value.size(), kMaxHeaderValue);
    }
  }
  return {};
}

}  // namespace

Result<std::size_t> check_message(std::string_view payload, PublishOptions const& options,
                                  std::size_t max_message_bytes) {
  struct Text {
    char const* name;
    std::string_view value;
    std::size_t limit;
  };
  Text const texts[] = {{"the key", options.key, kMaxKey},
                        {"the id", options.id, kMaxShortString},
                        {"the idempotency key", options.idempotency_key, kMaxKey},
                        {"the content type", options.content_type, kMaxShortString},
                        {"the routing key", options.routing_key, kMaxRoutingKey}};
  std::size_t size = payload.size();
  for (auto const& text : texts) {
    if (text.value.size() > text.limit) return too_large(text.name, text.value.size(), text.limit);
    size += text.value.size();
  }
  if (!options.headers.empty()) {
    if (auto checked = check_headers(options.headers); !checked) return std::move(checked).error();
    for (auto const& header : options.headers) size += header.name.size() + header.value.size();
  }
  if (options.priority.value_or(0) > 9) return Error{Errc::kInvalidArgument, "priorities go from 0 to 9"};
  if (options.time_to_live && (options.time_to_live->count() <= 0 || *options.time_to_live > kMaxTimeToLive)) {
    return Error{Errc::kInvalidArgument, "time_to_live must be positive and at most 49 days"};
  }
  if (options.deadline && options.deadline->count() <= 0) {
    return Error{Errc::kInvalidArgument, "the deadline of a publish must be positive"};
  }
  if (size > max_message_bytes) {
    auto error = too_large("the message", size, max_message_bytes);
    error.message += " (publish.max_message_bytes)";
    return error;
  }
  return size;
}

}  // namespace fairlead
