#pragma once

#include <fairlead/capabilities.hpp>
#include <fairlead/config.hpp>
#include <fairlead/credentials.hpp>
#include <fairlead/export.hpp>
#include <fairlead/health.hpp>
#include <fairlead/publisher.hpp>
#include <fairlead/receiver.hpp>
#include <fairlead/result.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead {

class IdempotencyStore;
class Logger;
class BrokerCore;        // src/broker/broker_core.hpp
class ConfirmWindow;     // src/publish/confirm_window.hpp
class Sink;              // src/publish/sink.hpp
class Source;            // src/consume/source.hpp
class Intake;            // src/consume/intake.hpp
struct DestinationPlan;  // src/config/plan.hpp
struct SourceSpec;       // src/consume/source.hpp

struct OpenOptions {
  /// Where the log goes; none: `make_logger(config.log)`.
  std::shared_ptr<Logger> logger{};
  /// Idempotency stores of the application's own, by the name that `idempotency.store` of a subscription gives.
  std::map<std::string, std::shared_ptr<IdempotencyStore>, std::less<>> stores{};
  /// User and password of the moment, instead of those in the configuration.
  CredentialsProvider credentials{};
};

/// The one door to a message broker. Which broker is behind it, Kafka, RabbitMQ or the in-process one, is decided by
/// `Config::broker` alone.
///
/// Thread-safe, except that destroying it must be the last call. Publishers and subscriptions may outlive it: they
/// then answer `kClosed`.
class FAIRLEAD_EXPORT Broker {
 public:
  /// Checks the configuration and connects. Blocks at most `connection.connect_timeout`. After that first connection
  /// the broker comes back by itself whenever it is lost.
  /// Errors: `kInvalidConfig` (all problems at once), `kUnsupported`, `kNotConnected` (names the address),
  /// `kAuthentication`, `kTls`.
  [[nodiscard]] static Result<std::unique_ptr<Broker>> open(Config config, OpenOptions options = {});

  /// `close` with `connection.close_timeout` as its bound.
  virtual ~Broker();
  Broker(Broker const&) = delete;
  Broker& operator=(Broker const&) = delete;

  /// The publisher of a configured destination, which is declared first (unless `declare: false`). Blocks at most
  /// `connection.connect_timeout`; until then a connection that breaks is waited for. Errors: `kUnknownDestination`,
  /// `kPreconditionFailed`, `kAccessDenied`, `kAuthentication`, which are told at once, `kNotConnected`, `kTimeout`,
  /// `kClosed`.
  [[nodiscard]] Result<Publisher> publisher(std::string_view destination);
  template <Encodable T>
  [[nodiscard]] Result<TypedPublisher<T>> publisher(std::string_view destination) {
    auto raw = publisher(destination);
    if (!raw) return std::move(raw).error();
    return TypedPublisher<T>(*std::move(raw));
  }

  /// Starts the subscription of that name in the configuration; one call is one member of its group. Declares the
  /// destination and the group first (unless `declare: false`). Blocks at most `connection.connect_timeout`; errors as
  /// of `publisher`.
  [[nodiscard]] Result<Subscription> subscribe(std::string_view subscription, Handler handler);
  /// The same for values; `handler(T const&, Delivery const&)` returns an `Outcome`, or nothing for `ack()`.
  template <Encodable T, class F>
  [[nodiscard]] Result<Subscription> subscribe(std::string_view subscription, F handler) {
    return subscribe(subscription, typed_handler<T>(std::move(handler)));
  }

  /// The same for a handler of several messages at once, see `batch` of the subscription.
  [[nodiscard]] Result<Subscription> subscribe_batch(std::string_view subscription, BatchHandler handler);

  /// The same without a handler: the application takes the messages one by one.
  [[nodiscard]] Result<Receiver> receiver(std::string_view subscription);

  /// Creates what is missing of a configured destination, of its groups and of their dead letters; what exists is left
  /// as it is.
  [[nodiscard]] Result<void> declare(std::string_view destination);

  [[nodiscard]] Capabilities const& capabilities() const noexcept;

  /// How the connections are doing. Does not block.
  [[nodiscard]] BrokerHealth health() const;

  /// Waits until every publish that began before has ended.
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);

  /// Stops the intake of all subscriptions at once, lets running handlers finish, settles what they decided, and waits
  /// for outstanding publishes. Afterwards nothing that was handled is redelivered. Publishing stays possible.
  /// Blocks at most `deadline`; `kTimeout` when something was still running. Refused from inside a handler.
  [[nodiscard]] Result<void> drain(std::chrono::milliseconds deadline);

  /// `drain`, then disconnect; publishes without an answer end as `kClosed`. Blocks at most `deadline` even when the
  /// broker is gone. Safe to call twice. Refused from inside a handler or a completion.
  [[nodiscard]] Result<void> close(std::chrono::milliseconds deadline);

 protected:
  /// `options.logger` is set.
  Broker(Config config, OpenOptions options, Capabilities capabilities);

  [[nodiscard]] Config const& config() const noexcept;
  [[nodiscard]] Logger& logger() const noexcept;
  /// Where a backend reports how publishes ended.
  [[nodiscard]] ConfirmWindow& window() const noexcept;
  /// Each backend's destructor calls this first, while its virtuals still exist, and leaves its own parts alone when it
  /// is false: the broker is the copy of a forked child.
  [[nodiscard]] bool close_in_destructor() noexcept;

 private:
  // What a backend is. `deadline` is always in steady time; none may block past it.
  virtual Result<void> do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point deadline) = 0;
  virtual Result<std::unique_ptr<Sink>> do_open_sink(DestinationPlan const& plan,
                                                     std::chrono::steady_clock::time_point deadline) = 0;
  virtual Result<std::unique_ptr<Source>> do_open_source(SourceSpec const& spec, Intake& intake,
                                                         std::chrono::steady_clock::time_point deadline) = 0;
  /// Not called once the broker is closed.
  [[nodiscard]] virtual BrokerHealth do_health() const = 0;
  /// Sources are closed by then. Every pending publish must have been completed when it returns.
  virtual Result<void> do_close(std::chrono::steady_clock::time_point deadline) = 0;

  /// Both handlers empty: a receiver.
  Result<Subscription> start(std::string_view subscription, Handler handler, BatchHandler batch_handler);
  /// The shared sink of a destination, declared and opened on first use.
  Result<std::shared_ptr<Sink>> sink(DestinationPlan const& plan, std::chrono::steady_clock::time_point deadline);

  std::unique_ptr<BrokerCore> core_;
};

}  // namespace fairlead
