#pragma once

#include <string>
#include <string_view>

// W3C Trace Context, as far as a message needs it: `00-<trace id, 32 hex>-<span id, 16 hex>-<flags, 2 hex>`.
namespace fairlead {

[[nodiscard]] bool is_traceparent(std::string_view text) noexcept;

/// Replaces `out` with a child of `parent`: the same trace id and flags, a new span id. A new trace, marked as sampled,
/// when `parent` is empty or invalid. Allocates nothing when `out` has room; `parent` may point into `out`.
void make_traceparent(std::string& out, std::string_view parent);

/// The 32 hexadecimal digits of the trace; empty when `traceparent` is invalid.
[[nodiscard]] std::string_view trace_id_of(std::string_view traceparent) noexcept;

/// The traceparent of the handler that runs on this thread; empty outside a handler.
[[nodiscard]] std::string_view current_traceparent() noexcept;

/// Makes a traceparent the thread's current one for the time of a handler, so that what the handler publishes continues
/// its trace. Scopes nest. Belongs to one thread; the viewed text must outlive the scope.
class TraceScope {
 public:
  explicit TraceScope(std::string_view traceparent) noexcept;
  ~TraceScope();
  TraceScope(TraceScope const&) = delete;
  TraceScope& operator=(TraceScope const&) = delete;

 private:
  std::string_view outer_;
};

}  // namespace fairlead
