#include "kafka/fetch_waker.hpp"

#include "kafka/client_watch.hpp"
#include "kafka/version_gates.hpp"

#include <charconv>

namespace fairlead::kafka {
namespace {

std::string text(NativeOptions const& options, std::string_view name) {
  auto const found = options.find(name);
  return found == options.end() ? std::string() : found->second;
}

/// The value in use, which librdkafka has checked.
std::size_t number(rd_kafka_t* handle, char const* name) {
  char digits[32];
  std::size_t size = sizeof digits;
  std::size_t value = 0;
  if (rd_kafka_conf_get(rd_kafka_conf(handle), name, digits, &size) == RD_KAFKA_CONF_OK) {
    std::from_chars(digits, digits + size, value);
  }
  return value;
}

}  // namespace

FetchWaker::FetchWaker(rd_kafka_t* handle, rd_kafka_queue_t* messages, NativeOptions const& options)
    : handle_(handle),
      messages_(messages),
      user_(text(options, "sasl.username")),
      password_(text(options, "sasl.password")),
      full_messages_(number(handle, "queued.min.messages")),
      full_bytes_(number(handle, "queued.max.messages.kbytes") << 10),
      needed_(!has(Since::kFetchQueueBackoff)) {}

void FetchWaker::look(std::size_t average_bytes) {
  if (!needed_) return;
  auto const messages = rd_kafka_queue_length(messages_);
  auto const bytes = messages * average_bytes;
  if (messages >= full_messages_ / 4 * 3 || bytes >= full_bytes_ / 4 * 3) {
    was_full_ = true;
  } else if (was_full_ && messages < full_messages_ / 2 && bytes < full_bytes_ / 2) {
    was_full_ = false;
    if (repeat_credentials(handle_)) return;
    ErrorPtr const ignored(rd_kafka_sasl_set_credentials(handle_, user_.c_str(), password_.c_str()));
  }
}

}  // namespace fairlead::kafka
