#include "amqp/await_setup.hpp"

#include "amqp/connection.hpp"

#include <string>
#include <utility>

namespace fairlead::amqp {

Result<void> await_setup(Waiter& done, Connection const& connection, std::string_view what,
                         std::chrono::steady_clock::time_point deadline) {
  if (auto result = done.wait_until(deadline)) return *std::move(result);
  auto const health = connection.health();
  auto const lost = done.obstacle();
  bool const is_connected = health.state != ConnectionState::kConnecting;
  if (is_connected && !lost) {
    auto text = std::string(what) + ": the broker did not answer within `connection.connect_timeout`";
    if (health.problem) text += "; " + health.problem->message;
    return Error{Errc::kTimeout, std::move(text), true, true, 0};
  }
  auto text = std::string(what) + ": no connection lasted until it was done, within `connection.connect_timeout`";
  if (lost) text += "; the last one: " + lost->message;
  return Error{Errc::kNotConnected, std::move(text), true, lost && lost->maybe_applied, 0};
}

}  // namespace fairlead::amqp
