#include "amqp/declare_channel.hpp"

#include "amqp/connection.hpp"

namespace fairlead::amqp {

void DeclareChannel::on_open() {
  done_->set({});
  close();
}

void DeclareChannel::on_lost(Error const& error, bool with_connection) {
  done_->set(error);
  connection().detach(*this, !with_connection);
}

void DeclareChannel::on_closed() { connection().detach(*this, true); }

Result<void> run_script(Connection& connection, Script script, std::chrono::steady_clock::time_point deadline) {
  auto const done = std::make_shared<Waiter>();
  auto const channel = std::make_shared<DeclareChannel>(std::move(script), done);
  bool const taken = connection.mailbox()->post([channel, done](Connection& io) {
    if (auto attached = io.attach(channel); !attached) done->set(attached.error());
  });
  if (!taken) return Error{Errc::kClosed, "the broker object was closed", false, false, 0};
  if (auto result = done->wait_until(deadline)) return *std::move(result);
  // Still waiting for a connection, or for a broker that does not answer.
  [[maybe_unused]] bool const told =
      connection.mailbox()->post([channel](Connection& io) { io.detach(*channel, false); });
  return Error{Errc::kTimeout, "the broker did not answer within `connection.connect_timeout`", true, true, 0};
}

}  // namespace fairlead::amqp
