#include "cli/dlq_print.hpp"

#include "cli/dlq_filter.hpp"
#include "core/text.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace fairlead::cli {
namespace {

constexpr std::size_t kTime = 20;
constexpr std::size_t kAttempts = 8;
constexpr std::size_t kCode = 16;
constexpr std::size_t kKey = 20;
constexpr std::size_t kId = 36;  // a UUID
constexpr std::size_t kError = 60;

std::string readable(std::string_view bytes) {
  bool const is_text = is_utf8(bytes);
  std::string text;
  for (char const c : bytes) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      text += escaped.data();
    } else {
      text += c;
    }
  }
  return text;
}

/// How many characters a terminal shows, wide ones aside.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (char const c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return width;
}

std::string cut(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end) {
    bool const begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
    if (begins && shown++ == width - 3) break;
  }
  return std::string(text.substr(0, end)) + "...";
}

std::string cell(std::string_view text, std::size_t width) {
  auto shown = cut(text, width);
  shown.append(width - width_of(shown), ' ');
  return shown + "  ";
}

std::string seconds_of(std::chrono::system_clock::time_point time) {
  auto const seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string noted(Delivery const& delivery, std::string_view header) {
  return readable(delivery.header(header).value_or("-"));
}

std::string or_dash(std::string_view value) { return value.empty() ? "-" : readable(value); }

}  // namespace

std::string dead_letter_heading() {
  return cell("FAILED AT", kTime) + cell("ATTEMPTS", kAttempts) + cell("CODE", kCode) + cell("KEY", kKey) +
         cell("ID", kId) + "ERROR\n";
}

std::string dead_letter_row(Delivery const& delivery) {
  return cell(seconds_of(failed_at(delivery)), kTime) + cell(noted(delivery, "fairlead-attempts"), kAttempts) +
         cell(noted(delivery, "fairlead-error-code"), kCode) + cell(or_dash(delivery.key()), kKey) +
         cell(or_dash(delivery.id()), kId) + cut(noted(delivery, "fairlead-error"), kError) + "\n";
}

std::string dead_letter_details(Delivery const& delivery) {
  std::string text;
  auto const line = [&text](std::string_view name, std::string const& value) {
    text.append(name).append(": ").append(value).append("\n");
  };
  line("id", or_dash(delivery.id()));
  line("key", or_dash(delivery.key()));
  line("idempotency key", or_dash(delivery.idempotency_key()));
  line("content type", or_dash(delivery.content_type()));
  line("routing key", or_dash(delivery.routing_key()));
  line("traceparent", or_dash(delivery.traceparent()));
  line("failed at", seconds_of(failed_at(delivery)));
  for (auto const& header : delivery.headers()) line("header " + readable(header.name), readable(header.value));
  line("payload", std::to_string(delivery.payload().size()) + " bytes");
  return text + readable(delivery.payload()) + "\n";
}

}  // namespace fairlead::cli
