#include "amqp/properties.hpp"

#include "amqp/codec.hpp"

#include <bit>
#include <charconv>
#include <cstddef>
#include <type_traits>

namespace fairlead::amqp {

namespace {

/// Takes values off the front of encoded bytes; once something did not fit, ok() is false and all else reads as empty.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) noexcept : bytes_(bytes) {}

  template <class Integer>
  Integer number() noexcept {
    auto const raw = take(sizeof(Integer));
    return raw.empty() ? Integer{0} : load_big_endian<Integer>(raw.data());
  }
  std::string_view short_string() noexcept { return take(number<std::uint8_t>()); }
  std::string_view long_string() noexcept { return take(number<std::uint32_t>()); }
  std::string_view take(std::size_t size) noexcept {
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    auto const taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return !ok_ || bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

/// Numbers as text behind each other in a string that is never moved, because views point into it.
class TextRoom {
 public:
  TextRoom(std::string& scratch, std::size_t table_bytes) : scratch_(scratch), table_bytes_(table_bytes) {}

  template <class Number>
  std::string_view text(Number number) {
    // The widest text is that of a one-octet boolean: three octets in the table (name size, kind, value), five as
    // text. Three times the table is therefore always enough.
    if (scratch_.empty()) scratch_.reserve(3 * table_bytes_ + kWidest);
    char digits[kWidest];
    std::string_view written;
    if constexpr (std::is_same_v<Number, bool>) {
      written = number ? "true" : "false";
    } else {
      auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
      written = {digits, static_cast<std::size_t>(end - digits)};
    }
    auto const at = scratch_.size();
    scratch_.append(written);
    return std::string_view(scratch_).substr(at);
  }

 private:
  static constexpr std::size_t kWidest = 32;
  std::string& scratch_;
  std::size_t table_bytes_;
};

/// What RabbitMQ adds when it delivers a message again or moves it on; nothing that a publisher said. (x-death itself
/// is an array.)
bool is_brokers_note(std::string_view name) noexcept {
  return name.starts_with("x-") && (name == "x-delivery-count" || name == "x-acquired-count" ||
                                    name.starts_with("x-first-death-") || name.starts_with("x-last-death-"));
}

}  // namespace

bool read_properties(std::string_view encoded, Properties& properties) noexcept {
  Cursor cursor(encoded);
  auto const flags = cursor.number<std::uint16_t>();
  if ((flags & 1) != 0) return false;  // a second word of flags: basic has only 14 properties
  auto const has = [flags](unsigned flag) { return (flags & flag) != 0; };
  if (has(AMQP_BASIC_CONTENT_TYPE_FLAG)) properties.content_type = cursor.short_string();
  if (has(AMQP_BASIC_CONTENT_ENCODING_FLAG)) cursor.short_string();
  if (has(AMQP_BASIC_HEADERS_FLAG)) properties.headers = cursor.long_string();
  if (has(AMQP_BASIC_DELIVERY_MODE_FLAG)) cursor.number<std::uint8_t>();
  if (has(AMQP_BASIC_PRIORITY_FLAG)) cursor.number<std::uint8_t>();
  if (has(AMQP_BASIC_CORRELATION_ID_FLAG)) cursor.short_string();
  if (has(AMQP_BASIC_REPLY_TO_FLAG)) cursor.short_string();
  if (has(AMQP_BASIC_EXPIRATION_FLAG)) cursor.short_string();
  if (has(AMQP_BASIC_MESSAGE_ID_FLAG)) properties.message_id = cursor.short_string();
  if (has(AMQP_BASIC_TIMESTAMP_FLAG)) properties.timestamp_s = cursor.number<std::uint64_t>();
  return cursor.ok();
}

bool take_headers(std::string_view table, Inbound& message) {
  Cursor cursor(table);
  TextRoom room(message.scratch, table.size());
  while (!cursor.at_end()) {
    auto const name = cursor.short_string();
    auto const kind = cursor.number<std::uint8_t>();
    std::string_view value;
    bool kept = true;
    switch (kind) {
      case AMQP_FIELD_KIND_UTF8:
      case AMQP_FIELD_KIND_BYTES: value = cursor.long_string(); break;
      case AMQP_FIELD_KIND_BOOLEAN: value = room.text(cursor.number<std::uint8_t>() != 0); break;
      case AMQP_FIELD_KIND_I8: value = room.text(static_cast<int>(cursor.number<std::int8_t>())); break;
      case AMQP_FIELD_KIND_U8: value = room.text(static_cast<int>(cursor.number<std::uint8_t>())); break;
      case AMQP_FIELD_KIND_I16: value = room.text(cursor.number<std::int16_t>()); break;
      case AMQP_FIELD_KIND_U16: value = room.text(cursor.number<std::uint16_t>()); break;
      case AMQP_FIELD_KIND_I32: value = room.text(cursor.number<std::int32_t>()); break;
      case AMQP_FIELD_KIND_U32: value = room.text(cursor.number<std::uint32_t>()); break;
      case AMQP_FIELD_KIND_I64: value = room.text(cursor.number<std::int64_t>()); break;
      case AMQP_FIELD_KIND_U64:
      case AMQP_FIELD_KIND_TIMESTAMP: value = room.text(cursor.number<std::uint64_t>()); break;
      case AMQP_FIELD_KIND_F32: value = room.text(std::bit_cast<float>(cursor.number<std::uint32_t>())); break;
      case AMQP_FIELD_KIND_F64: value = room.text(std::bit_cast<double>(cursor.number<std::uint64_t>())); break;
      case AMQP_FIELD_KIND_DECIMAL:
        cursor.take(5);
        kept = false;
        break;
      case AMQP_FIELD_KIND_TABLE:
      case AMQP_FIELD_KIND_ARRAY:
        cursor.long_string();  // skipped by its size, however deep it is
        kept = false;
        break;
      case AMQP_FIELD_KIND_VOID: kept = false; break;
      default: return false;
    }
    if (cursor.ok() && kept && !is_brokers_note(name)) message.take_header(name, value);
  }
  return cursor.ok();
}

}  // namespace fairlead::amqp
