#include "amqp/declare_channel.hpp"

#include "amqp/await_setup.hpp"
#include "amqp/connection.hpp"

#include <string>
#include <utility>

namespace fairlead::amqp {

void DeclareChannel::on_open() {
  done_->set({});
  close();
}

void DeclareChannel::on_lost(Error const& error, bool with_connection) {
  if (with_connection) return on_not_connected(error);
  done_->set(error);
  connection().detach(*this, true);
}

void DeclareChannel::on_not_connected(Error const& error) {
  if (error.retryable) return done_->note(error);  // the next connection runs the script again
  done_->set(error);
  connection().detach(*this, false);
}

void DeclareChannel::give_up() {
  if (is_attached()) close();
}

void DeclareChannel::on_closed() { connection().detach(*this, true); }

Result<void> run_script(Connection& connection, Script script, std::chrono::steady_clock::time_point deadline) {
  auto const done = std::make_shared<Waiter>();
  auto const what = script.empty() ? std::string("open channel") : script.front().what;
  auto const channel = std::make_shared<DeclareChannel>(std::move(script), done);
  bool const taken = connection.mailbox()->post([channel, done](Connection& io) {
    if (auto attached = io.attach(channel); !attached) done->set(attached.error());
  });
  if (!taken) return Error{Errc::kClosed, "the broker object was closed", false, false, 0};
  auto result = await_setup(*done, connection, what, deadline);
  if (result) return result;
  // It may still wait for a connection, or for a broker that does not answer.
  [[maybe_unused]] bool const told = connection.mailbox()->post([channel](Connection&) { channel->give_up(); });
  return result;
}

}  // namespace fairlead::amqp
