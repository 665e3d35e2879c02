#include "consume/envelope.hpp"

#include "core/wire_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace fairlead {

namespace {

// An error text can be as long as what the handler threw; the envelope must not make the message too large to publish.
constexpr std::size_t kLongestError = 1024;
constexpr std::uint32_t kMostAttempts = 1'000'000;

std::string rfc3339(std::chrono::system_clock::time_point time) {
  auto const since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  auto const seconds = static_cast<std::time_t>(since_epoch.count() / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 96> text{};
  auto const length =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(since_epoch.count() % 1000));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

/// Not cut within a UTF-8 character.
std::string_view shortened(std::string_view error) {
  if (error.size() <= kLongestError) return error;
  std::size_t end = kLongestError;
  while (end > 0 && (static_cast<unsigned char>(error[end]) & 0xC0U) == 0x80U) --end;
  return error.substr(0, end);
}

std::string_view or_own(std::string_view earlier, std::string_view own) { return earlier.empty() ? own : earlier; }

std::uint32_t attempts_or_zero(std::string_view text) noexcept {
  std::uint32_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const is_number = error == std::errc{} && end == text.data() + text.size();
  return is_number && value <= kMostAttempts ? value : 0;
}

}  // namespace

Headers envelope_headers(Inbound const& message, std::chrono::system_clock::time_point failed_at) {
  auto const& earlier = message.envelope;
  auto const now = rfc3339(failed_at);
  Headers headers;
  for (auto const& header : message.headers) headers.set(header.name, header.value);
  headers.set(envelope::kDestination, message.destination);
  headers.set(envelope::kPartition, or_own(earlier.partition, std::to_string(message.partition)));
  headers.set(envelope::kPosition, or_own(earlier.position, std::to_string(message.position)));
  headers.set(envelope::kGroup, message.group);
  headers.set(envelope::kAttempts, std::to_string(message.attempt));
  headers.set(envelope::kError, shortened(message.last_error));
  headers.set(envelope::kErrorCode, to_string(message.last_code));
  headers.set(envelope::kFirstFailedAt,
              or_own(earlier.first_failed_at, message.first_failed_at ? rfc3339(*message.first_failed_at) : now));
  headers.set(envelope::kFailedAt, now);
  return headers;
}

void open_envelope(Inbound& message) {
  message.has_envelope = false;
  std::uint32_t attempts = 0;
  bool is_ours = false;
  Envelope found;
  for (auto const& [name, value] : message.headers) {
    if (name == envelope::kGroup) is_ours = value == message.group;
    if (name == envelope::kPartition) found.partition = value;
    if (name == envelope::kPosition) found.position = value;
    if (name == envelope::kFirstFailedAt) found.first_failed_at = value;
    if (name == envelope::kAttempts) attempts = attempts_or_zero(value);
  }
  std::erase_if(message.headers, [](HeaderView const& header) { return wire::is_envelope(header.name); });
  if (!is_ours || attempts == 0) return;
  message.envelope = found;
  message.attempt = attempts + 1;
}

}  // namespace fairlead
