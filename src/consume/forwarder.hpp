#pragma once

#include "consume/inbound.hpp"
#include "publish/sink.hpp"

#include <fairlead/completion.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace fairlead {

class ConfirmWindow;

/// Publishes messages that failed to where they go next, in their envelope and with confirm: a tier of delayed retries,
/// or the dead letters. Thread-safe.
class Forwarder {
 public:
  /// Tiers in the order of the configuration; `dead_letter` may be null.
  Forwarder(std::vector<std::shared_ptr<Sink>> tiers, std::shared_ptr<Sink> dead_letter,
            std::shared_ptr<ConfirmWindow> window, std::chrono::milliseconds deadline)
      : tiers_(std::move(tiers)),
        dead_letter_(std::move(dead_letter)),
        window_(std::move(window)),
        deadline_(deadline) {}

  [[nodiscard]] bool keeps_dead_letters() const noexcept { return dead_letter_ != nullptr; }

  /// Starts the publish of `message` to its `forward_to`, because of its `last_error`. Never waits: a full publish
  /// window is an error, and `done` is then not called. Otherwise `done` runs once on the completion thread, perhaps
  /// before this returns.
  [[nodiscard]] Result<void> publish(Inbound const& message, Completion done) const;

 private:
  std::vector<std::shared_ptr<Sink>> tiers_;
  std::shared_ptr<Sink> dead_letter_;
  std::shared_ptr<ConfirmWindow> window_;
  std::chrono::milliseconds deadline_;
};

}  // namespace fairlead
