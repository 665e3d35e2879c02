#include "consume/inbound.hpp"

#include "core/wire_names.hpp"
#include "observe/trace.hpp"

#include <charconv>

namespace fairlead {

namespace {

// A node that once carried a large converted payload must not keep that much memory for ever.
constexpr std::size_t kKeptScratch = std::size_t{64} << 10;

std::int64_t milliseconds_or_zero(std::string_view text) noexcept {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value > 0 ? value : 0;
}

}  // namespace

void Inbound::take_header(std::string_view name, std::string_view value) {
  if (!wire::is_reserved(name)) {
    headers.push_back({name, value});
    has_envelope |= wire::is_envelope(name);
  } else if (name == wire::kMessageId) {
    id = value;
  } else if (name == wire::kContentType) {
    content_type = value;
  } else if (name == wire::kMessageKey) {
    key = value;
  } else if (name == wire::kRoutingKey) {
    routing_key = value;
  } else if (name == wire::kIdempotencyKey) {
    idempotency_key = value;
  } else if (name == wire::kTraceparent) {
    if (is_traceparent(value)) traceparent = value;
  } else if (name == wire::kExpiresAt) {
    expires_at_ms = milliseconds_or_zero(value);
  } else if (name == wire::kDueAt) {
    due_at_ms = milliseconds_or_zero(value);
  } else if (name == wire::kOnlyGroup) {
    only_group = value;
  }
}

void Inbound::clear() noexcept {
  buffer.reset();
  lane = {};
  position = 0;
  partition = -1;
  timestamp_ms = 0;
  expires_at_ms = 0;
  due_at_ms = 0;
  redelivered = false;
  priority.reset();
  payload = key = id = idempotency_key = content_type = routing_key = traceparent = only_group = {};
  headers.clear();
  has_envelope = false;
  if (scratch.capacity() > kKeptScratch) {
    std::string().swap(scratch);
  } else {
    scratch.clear();
  }
  attempt = 1;
  destination = group = {};
  envelope = {};
  context = nullptr;
  trace.clear();
  claim.clear();
  last_error.clear();
  last_code = Errc::kHandlerFailed;
  first_failed_at.reset();
  due = {};
  slot = 0;
  bytes = 0;
  store_verdict = Verdict::kNone;
  step = Step::kHandle;
  forward_to = kToDeadLetters;
  failed_tries = 0;
  queue = nullptr;
  next = nullptr;
}

}  // namespace fairlead
