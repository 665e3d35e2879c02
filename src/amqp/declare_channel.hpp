#pragma once

#include "amqp/channel.hpp"
#include "amqp/waiter.hpp"

#include <fairlead/result.hpp>

#include <memory>

namespace fairlead::amqp {

class Connection;

/// A channel that lives for one script, because the first refused request closes it. A connection that is lost on the
/// way refuses nothing: the script is run again on the next one.
class DeclareChannel final : public Channel {
 public:
  DeclareChannel(Script script, std::shared_ptr<Waiter> done) : script_(std::move(script)), done_(std::move(done)) {}

  /// Nobody waits for the answers any more: closes the channel, so that its number can be used again.
  void give_up();

 private:
  Script opening() override { return script_; }
  void on_open() override;
  void on_lost(Error const& error, bool with_connection) override;
  void on_not_connected(Error const& error) override;
  void on_closed() override;
  void on_method(amqp_method_number_t, void*) override {}
  void on_content(Content) override {}

  Script script_;
  std::shared_ptr<Waiter> done_;
};

/// Runs the script on the connection and waits for the broker's answers. When there is no connection or it is lost,
/// waits for the next one, until the deadline.
[[nodiscard]] Result<void> run_script(Connection& connection, Script script,
                                      std::chrono::steady_clock::time_point deadline);

}  // namespace fairlead::amqp
