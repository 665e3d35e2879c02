#pragma once

#include "consume/conclusion.hpp"

#include <fairlead/error.hpp>
#include <fairlead/message.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead {

struct KeyQueue;  // consume/key_table.hpp

/// An independently settled stream of one subscription: a Kafka partition, an AMQP consumer, a memory partition. The
/// epoch grows with each assignment or connection, so that settlements of an earlier one are recognised and dropped.
/// Ids are small and not negative: tables are indexed by them.
struct Lane {
  std::int32_t id = 0;
  std::uint32_t epoch = 0;
  friend bool operator==(Lane, Lane) = default;
};

/// Owns the client library's buffer that the views of an Inbound point into; released on destruction, on any thread.
class BufferRef {
 public:
  using Release = void (*)(void*) noexcept;
  BufferRef() noexcept = default;
  BufferRef(void* object, Release release) noexcept : object_(object), release_(release) {}
  BufferRef(BufferRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)), release_(other.release_) {}
  BufferRef& operator=(BufferRef&& other) noexcept {
    if (this != &other) {
      reset();
      object_ = std::exchange(other.object_, nullptr);
      release_ = other.release_;
    }
    return *this;
  }
  ~BufferRef() { reset(); }
  void reset() noexcept {
    if (object_ != nullptr) release_(std::exchange(object_, nullptr));
  }

 private:
  void* object_ = nullptr;
  Release release_ = nullptr;
};

/// What a worker's handler can ask about its own time. Kept from message to message.
struct HandlerContext {
  std::stop_source stop;
  std::chrono::steady_clock::time_point deadline;
};

/// What the envelope of an earlier failure says (consume/envelope.hpp).
struct Envelope {
  std::string_view partition;
  std::string_view position;
  std::string_view first_failed_at;
};

/// What is to be done with a message next.
enum class Step : std::uint8_t {
  kHandle,
  kMark,     ///< it is handled; its idempotency key has to be marked
  kForward,  ///< it failed; a tier of delayed retries or the dead letters have to take it
};

/// Instead of the number of a tier.
inline constexpr std::uint8_t kToDeadLetters = 0xff;

/// One message taken in. Nodes are pooled by the Intake and keep the capacity of their vectors, so that the steady
/// state allocates nothing.
struct Inbound {
  // --- filled by the backend ---
  Lane lane;
  std::int64_t position = 0;  // offset or delivery tag; strictly growing within a lane and epoch
  std::int32_t partition = -1;
  std::int64_t timestamp_ms = 0;   // since the epoch, 0 when unknown
  std::int64_t expires_at_ms = 0;  // since the epoch, 0 for never
  std::int64_t due_at_ms = 0;      // since the epoch; a delayed retry, which the source holds back until then
  bool redelivered = false;
  std::optional<std::uint8_t> priority;  // where the broker has them
  std::string_view payload;
  std::string_view key;
  std::string_view id;
  std::string_view idempotency_key;
  std::string_view content_type;
  std::string_view routing_key;
  std::string_view traceparent;
  std::string_view only_group;      // empty: for every group
  std::vector<HeaderView> headers;  // the user's; reserved names are in the fields above
  bool has_envelope = false;        // headers of an envelope are among them
  std::string scratch;              // room for bytes that had to be converted; views may point here
  BufferRef buffer;

  // --- owned by src/consume ---
  std::uint32_t attempt = 1;
  std::string_view destination;
  std::string_view group;
  Envelope envelope;                        // empty in the first copy of a message
  HandlerContext const* context = nullptr;  // while its handler runs
  std::string trace;                        // the traceparent of this handling
  std::string claim;                        // owner of its idempotency key; empty: none
  std::string last_error;                   // why the last attempt failed
  Errc last_code = Errc::kHandlerFailed;
  std::optional<std::chrono::system_clock::time_point> first_failed_at;
  std::chrono::steady_clock::time_point due;  // when it may be worked on again
  std::uint64_t slot = 0;                     // its place in the lane's watermark
  std::size_t bytes = 0;                      // of payload, key and headers, as the bounds count them
  Verdict store_verdict = Verdict::kNone;     // of claiming its idempotency key
  Step step = Step::kHandle;
  std::uint8_t forward_to = kToDeadLetters;  // of kForward
  std::uint32_t failed_tries = 0;            // of a step other than kHandle
  KeyQueue* queue = nullptr;                 // of its key; null without order
  Inbound* next = nullptr;

  /// Puts a wire header into its field, or among the user's headers. Malformed reserved values are ignored.
  void take_header(std::string_view name, std::string_view value);
  /// Back to the state of a fresh node; releases the buffer, keeps capacity.
  void clear() noexcept;
};

/// A singly linked batch of nodes.
struct InboundList {
  Inbound* first = nullptr;
  Inbound* last = nullptr;
  std::size_t size = 0;

  void push(Inbound& message) noexcept {
    message.next = nullptr;
    (last != nullptr ? last->next : first) = &message;
    last = &message;
    ++size;
  }
  /// Moves all of `other` to the end.
  void splice(InboundList& other) noexcept {
    if (other.first == nullptr) return;
    (last != nullptr ? last->next : first) = other.first;
    last = other.last;
    size += other.size;
    other = {};
  }
  Inbound* pop() noexcept {
    Inbound* taken = first;
    if (taken != nullptr) {
      first = taken->next;
      if (first == nullptr) last = nullptr;
      taken->next = nullptr;
      --size;
    }
    return taken;
  }
};

}  // namespace fairlead
