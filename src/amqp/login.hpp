#pragma once

#include "amqp/byte_buffer.hpp"
#include "amqp/codec.hpp"
#include "amqp/connection_settings.hpp"

#include <fairlead/credentials.hpp>
#include <fairlead/result.hpp>
#include <fairlead/secret.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// The opening of an AMQP connection as a state machine over method frames of channel 0: protocol header, start,
/// tune, open. Thread-compatible.
class Login {
 public:
  explicit Login(ConnectionSettings const& settings)
      : settings_(&settings), user_(settings.user), password_(settings.password) {}

  /// Before begin(): what to log in with instead of the settings' user and password.
  void use(Credentials credentials);

  void begin(ByteBuffer& out);
  /// The payload of a method frame. True when the connection is open.
  [[nodiscard]] Result<bool> receive(std::string_view payload, ByteBuffer& out);
  /// The broker closed the socket without a word: what that means where the login stands.
  [[nodiscard]] Error interrupted(Error const& cause) const;

  /// What was agreed on; valid once open.
  [[nodiscard]] std::size_t frame_max() const noexcept { return frame_max_; }
  [[nodiscard]] std::uint16_t channel_max() const noexcept { return channel_max_; }
  [[nodiscard]] std::chrono::seconds heartbeat() const noexcept { return heartbeat_; }

 private:
  enum class Await { kStart, kTune, kOpenOk };

  Result<bool> on_start(std::string_view fields, ByteBuffer& out);
  Result<bool> on_tune(std::string_view fields, ByteBuffer& out);
  Error on_close(std::string_view fields) const;

  ConnectionSettings const* settings_;
  std::string user_;
  Secret password_;
  Await await_ = Await::kStart;
  std::size_t frame_max_ = kFrameMax;
  std::uint16_t channel_max_ = 0;
  std::chrono::seconds heartbeat_{0};
};

}  // namespace fairlead::amqp
