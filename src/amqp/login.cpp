#include "amqp/login.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/frame_writer.hpp"
#include "core/seeded_fault.hpp"

#include <fairlead/version.hpp>

#include <string.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace fairlead::amqp {

namespace {

amqp_table_entry_t text_entry(std::string_view name, std::string_view text) {
  amqp_table_entry_t entry{};
  entry.key = to_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = to_bytes(text);
  return entry;
}

amqp_table_entry_t true_entry(std::string_view name) {
  amqp_table_entry_t entry{};
  entry.key = to_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

bool offers(std::string_view mechanisms, std::string_view wanted) {
  while (!mechanisms.empty()) {
    auto const end = std::min(mechanisms.find(' '), mechanisms.size());
    if (mechanisms.substr(0, end) == wanted) return true;
    mechanisms.remove_prefix(std::min(end + 1, mechanisms.size()));
  }
  return false;
}

/// The mechanisms in connection.start. Its table of server properties is skipped by its size: rabbitmq-c would decode
/// it recursively, as deep as the peer likes.
std::string_view mechanisms_of(std::string_view start) {
  constexpr std::size_t kVersion = 2;
  constexpr std::size_t kSize = sizeof(std::uint32_t);
  if (start.size() < kVersion + kSize) return {};
  start.remove_prefix(kVersion);
  auto const table = load_big_endian<std::uint32_t>(start.data());
  start.remove_prefix(kSize);
  if (start.size() < std::size_t{table} + kSize) return {};
  start.remove_prefix(table);
  auto const size = load_big_endian<std::uint32_t>(start.data());
  start.remove_prefix(kSize);
  return size <= start.size() ? start.substr(0, size) : std::string_view{};
}

/// 0 means "no limit" on both sides.
template <class Number>
Number agreed(Number mine, Number theirs) {
  return theirs == 0 ? mine : std::min(mine, theirs);
}

}  // namespace

void Login::use(Credentials credentials) {
  if (!credentials.user.empty()) user_ = std::move(credentials.user);
  password_ = std::move(credentials.password);
}

void Login::begin(ByteBuffer& out) { append_protocol_header(out); }

Result<bool> Login::receive(std::string_view payload, ByteBuffer& out) {
  if (payload.size() < sizeof(std::uint32_t)) return protocol_error("undersized method frame");
  auto const method = load_big_endian<std::uint32_t>(payload.data());
  auto const fields = payload.substr(sizeof(std::uint32_t));
  if (method == AMQP_CONNECTION_CLOSE_METHOD) {
    amqp_connection_close_ok_t ok{};
    append_method(out, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    return on_close(fields);
  }
  if (await_ == Await::kStart && method == AMQP_CONNECTION_START_METHOD) return on_start(fields, out);
  if (await_ == Await::kTune && method == AMQP_CONNECTION_TUNE_METHOD) return on_tune(fields, out);
  if (await_ == Await::kOpenOk && method == AMQP_CONNECTION_OPEN_OK_METHOD) return true;
  return protocol_error("unexpected method during login");
}

Result<bool> Login::on_start(std::string_view fields, ByteBuffer& out) {
  std::string_view const mechanism = settings_->sasl_external ? "EXTERNAL" : "PLAIN";
  auto const offered = mechanisms_of(fields);
  if (!offers(offered, mechanism)) {
    return Error{Errc::kUnsupported,
                 "the broker does not offer SASL " + std::string(mechanism) + " but '" + std::string(offered) +
                     "' (broker URL: `auth_mechanism`)",
                 false, false, 0};
  }
  // Without these the broker stays silent: a queue deleted under a consumer, a memory alarm, a wrong password.
  std::array capabilities{true_entry("publisher_confirms"), true_entry("exchange_exchange_bindings"),
                          true_entry("basic.nack"),         true_entry("consumer_cancel_notify"),
                          true_entry("connection.blocked"), true_entry("authentication_failure_close")};
  if (is_seeded(SeededFault::kNoCancelCapability)) capabilities[3].value.value.boolean = 0;
  std::array properties{text_entry("product", "Fairlead"), text_entry("version", version()),
                        text_entry("platform", "C++"), text_entry("connection_name", settings_->name),
                        text_entry("capabilities", {})};
  properties.back().value.kind = AMQP_FIELD_KIND_TABLE;
  properties.back().value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};

  std::string response;
  if (!settings_->sasl_external) {
    response.append(1, '\0').append(user_).append(1, '\0').append(password_.reveal());
  }
  amqp_connection_start_ok_t start_ok{};
  start_ok.client_properties = {static_cast<int>(properties.size()), properties.data()};
  start_ok.mechanism = to_bytes(mechanism);
  start_ok.response = to_bytes(response);
  start_ok.locale = to_bytes("en_US");
  append_method(out, 0, AMQP_CONNECTION_START_OK_METHOD, &start_ok);
  ::explicit_bzero(response.data(), response.size());
  password_ = Secret();
  await_ = Await::kTune;
  return false;
}

Result<bool> Login::on_tune(std::string_view fields, ByteBuffer& out) {
  if (fields.size() < 8) return protocol_error("undersized connection.tune");
  channel_max_ = agreed(settings_->channel_max, load_big_endian<std::uint16_t>(fields.data()));
  auto const frame_max =
      agreed(static_cast<std::uint32_t>(kFrameMax), load_big_endian<std::uint32_t>(fields.data() + 2));
  if (frame_max < AMQP_FRAME_MIN_SIZE) return protocol_error("frame_max below 4096");
  frame_max_ = frame_max;
  auto heartbeat = agreed(static_cast<std::uint16_t>(settings_->heartbeat.count()),
                          load_big_endian<std::uint16_t>(fields.data() + 6));
  if (is_seeded(SeededFault::kHeartbeatOff)) heartbeat = 0;
  heartbeat_ = std::chrono::seconds(heartbeat);

  amqp_connection_tune_ok_t tune_ok{channel_max_, frame_max, heartbeat};
  append_method(out, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &tune_ok);
  amqp_connection_open_t open{};
  open.virtual_host = to_bytes(settings_->vhost);
  append_method(out, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
  await_ = Await::kOpenOk;
  return false;
}

Error Login::on_close(std::string_view fields) const {
  if (fields.size() < 3) return protocol_error("undersized connection.close");
  auto const code = load_big_endian<std::uint16_t>(fields.data());
  auto const size = load_big_endian<std::uint8_t>(fields.data() + 2);
  auto const text = fields.substr(3, size);
  if (await_ == Await::kTune && code == AMQP_ACCESS_REFUSED && settings_->sasl_external) {
    return {Errc::kAuthentication,
            "the broker knows no user of the client certificate's name: see `certfile` and `auth_mechanism` in the "
            "broker URL",
            false, false, code};
  }
  if (await_ == Await::kTune && code == AMQP_ACCESS_REFUSED) {
    return {Errc::kAuthentication,
            "the broker refused the login of user '" + user_ + "': check user and password in the broker URL", false,
            false, code};
  }
  if (await_ == Await::kOpenOk && (code == AMQP_NOT_ALLOWED || code == AMQP_INVALID_PATH || code == AMQP_NOT_FOUND)) {
    return {Errc::kAccessDenied,
            "virtual host '" + settings_->vhost + "' cannot be opened by user '" + user_ + "': " + std::string(text) +
                " (check the path of the broker URL)",
            false, false, code};
  }
  return reply_error(code, text, "log in");
}

Error Login::interrupted(Error const& cause) const {
  auto error = cause;
  if (error.code == Errc::kAuthentication || error.code == Errc::kAccessDenied) return error;  // it says all
  if (error.code == Errc::kConnectionLost) error.code = Errc::kNotConnected;
  error.maybe_applied = false;
  error.message = "login interrupted: " + error.message;
  if (await_ == Await::kStart && error.code == Errc::kProtocol) {
    error.message += " (a port with TLS needs amqps://, and it must be a broker's)";
  }
  // An old broker hangs up on a wrong password instead of saying so.
  if (await_ == Await::kTune) error.message += " (check user and password in the broker URL)";
  return error;
}

}  // namespace fairlead::amqp
