#pragma once

#include "consume/deduplicator.hpp"
#include "consume/subscription_core.hpp"
#include "core/process_mark.hpp"
#include "core/thread.hpp"
#include "core/timed_mutex.hpp"
#include "publish/confirm_window.hpp"
#include "publish/publisher_core.hpp"
#include "publish/sink.hpp"

#include <fairlead/broker.hpp>
#include <fairlead/capabilities.hpp>
#include <fairlead/config.hpp>
#include <fairlead/logger.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fairlead {

/// Runs the completions of a window on a thread of its own.
class CompletionThread {
 public:
  explicit CompletionThread(std::shared_ptr<ConfirmWindow> window);
  /// Waits until the last completion has returned. A completion that does not return by the deadline keeps the thread,
  /// and nothing else; false then.
  bool finish(std::chrono::steady_clock::time_point deadline);

 private:
  struct Ended {
    std::mutex mutex;
    std::condition_variable changed;
    bool value = false;
  };
  std::shared_ptr<Ended> ended_ = std::make_shared<Ended>();
  Thread thread_;
};

/// What a broker owns besides its backend.
class BrokerCore {
 public:
  BrokerCore(Config configuration, OpenOptions options, Capabilities abilities);
  /// Ends the completion thread of a broker that was never closed because it never opened.
  ~BrokerCore();
  BrokerCore(BrokerCore const&) = delete;
  BrokerCore& operator=(BrokerCore const&) = delete;

  ProcessMark const process;
  Config const config;
  std::shared_ptr<Logger> const logger;
  Capabilities const capabilities;
  std::shared_ptr<ConfirmWindow> const window;
  CompletionThread completions;

  /// Held while a destination, publisher or subscription is set up. Lock order: closing, setup, registry.
  TimedMutex setup;
  TimedMutex closing;  // one close at a time
  std::atomic<bool> closed{false};

  /// The running subscriptions.
  [[nodiscard]] std::vector<std::shared_ptr<SubscriptionCore>> subscriptions();
  void add(std::shared_ptr<SubscriptionCore> const& subscription);
  /// The caller is a handler or a completion of this broker and must not wait for itself.
  [[nodiscard]] bool is_own_thread();

  /// What claims the keys of a subscription's messages; null when it asks for no idempotency. Subscriptions that name
  /// one store share it. Under `setup`.
  [[nodiscard]] Result<std::shared_ptr<Deduplicator>> deduplicator(SubscriptionConfig const& subscription,
                                                                   std::string const& destination,
                                                                   std::string const& group);

  // Under `setup`.
  std::map<std::string, std::shared_ptr<Sink>, std::less<>> sinks;
  std::map<std::string, std::shared_ptr<PublisherCore>, std::less<>> publishers;

 private:
  std::map<std::string, std::shared_ptr<IdempotencyStore>, std::less<>> stores_;  // under `setup`
  std::mutex registry_;
  std::vector<std::weak_ptr<SubscriptionCore>> subscriptions_;
};

}  // namespace fairlead
