#pragma once

#include "amqp/connection_settings.hpp"
#include "core/resolve.hpp"

#include <fairlead/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// A byte stream that never blocks. Thread-compatible; used by one I/O thread.
class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// Goes on with connecting and, on TLS, shaking hands. True once bytes can flow.
  [[nodiscard]] virtual Result<bool> connect() = 0;
  /// What poll must wait for: POLLIN, POLLOUT or both. `has_output`: the caller has bytes that write_some refused.
  [[nodiscard]] virtual short wanted(bool has_output) const noexcept = 0;
  /// 0: nothing more for now.
  [[nodiscard]] virtual Result<std::size_t> read_some(std::span<char> room) = 0;
  [[nodiscard]] virtual Result<std::size_t> write_some(std::string_view bytes) = 0;
};

/// Begins to connect.
[[nodiscard]] Result<std::unique_ptr<Transport>> open_tcp(Address const& address);
/// The same with TLS 1.2 or later on top. `host` is what the certificate must be for, unless the settings name another.
[[nodiscard]] Result<std::unique_ptr<Transport>> open_tls(Address const& address, std::string const& host,
                                                          TlsSettings const& settings);

}  // namespace fairlead::amqp
