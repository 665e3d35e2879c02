#include "broker/broker_core.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

std::size_t window_messages(Config const& config, Capabilities const& capabilities) {
  return config.publish.window_messages > 0 ? static_cast<std::size_t>(config.publish.window_messages)
                                            : capabilities.default_window_messages;
}

}  // namespace

CompletionThread::CompletionThread(std::shared_ptr<ConfirmWindow> window)
    : thread_("fl-completions", [window = std::move(window), ended = ended_] {
        while (window->run_completions(ConfirmWindow::Clock::now() + std::chrono::hours(1))) {
        }
        std::lock_guard const lock(ended->mutex);
        ended->value = true;
        ended->changed.notify_all();
      }) {}

bool CompletionThread::finish(std::chrono::steady_clock::time_point deadline) {
  if (!thread_.joinable()) return true;
  {
    std::unique_lock lock(ended_->mutex);
    if (!ended_->changed.wait_until(lock, deadline, [this] { return ended_->value; })) {
      thread_.detach();
      return false;
    }
  }
  thread_.join();
  return true;
}

BrokerCore::BrokerCore(Config configuration, OpenOptions options, Capabilities abilities)
    : config(std::move(configuration)),
      logger(std::move(options.logger)),
      capabilities(abilities),
      window(
          std::make_shared<ConfirmWindow>(window_messages(config, capabilities), config.publish.window_bytes, logger)),
      completions(window),
      stores_(std::move(options.stores)) {}

BrokerCore::~BrokerCore() {
  window->close();
  window->abandon_all();
  (void)completions.finish(std::chrono::steady_clock::now() + std::chrono::seconds(1));
}

Result<std::shared_ptr<Deduplicator>> BrokerCore::deduplicator(SubscriptionConfig const& subscription,
                                                               std::string const& destination,
                                                               std::string const& group) {
  auto const& wanted = subscription.idempotency;
  if (wanted.store.empty()) return std::shared_ptr<Deduplicator>();
  auto& store = stores_[wanted.store];
  if (!store) {
    auto opened = open_idempotency_store(wanted.store);
    if (!opened) return std::move(opened).error();
    store = *std::move(opened);
  }
  auto const lease = wanted.lease.count() > 0 ? wanted.lease : 2 * subscription.timeout;
  return std::make_shared<Deduplicator>(store, Deduplicator::scope_of(config.service, destination, group), lease,
                                        wanted.keep);
}

std::vector<std::shared_ptr<SubscriptionCore>> BrokerCore::subscriptions() {
  std::lock_guard const lock(registry_);
  std::erase_if(subscriptions_, [](auto const& subscription) { return subscription.expired(); });
  std::vector<std::shared_ptr<SubscriptionCore>> running;
  for (auto const& subscription : subscriptions_) {
    if (auto alive = subscription.lock()) running.push_back(std::move(alive));
  }
  return running;
}

void BrokerCore::add(std::shared_ptr<SubscriptionCore> const& subscription) {
  std::lock_guard const lock(registry_);
  subscriptions_.push_back(subscription);
}

bool BrokerCore::is_own_thread() {
  if (window->is_completing()) return true;
  auto const running = subscriptions();
  return std::any_of(running.begin(), running.end(), [](auto const& each) { return each->runs_on_this_thread(); });
}

}  // namespace fairlead
