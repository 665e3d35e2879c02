#pragma once

#include "consume/inbound.hpp"
#include "publish/sink.hpp"

#include <fairlead/completion.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <memory>

namespace fairlead {

class ConfirmWindow;

/// The envelope of a message given up on: its own headers, and where it was, how often it was tried and why it failed.
[[nodiscard]] Headers dead_letter_headers(Inbound const& message, std::chrono::system_clock::time_point failed_at);

/// Publishes messages given up on, with confirm. Thread-safe.
class DeadLetterPublisher {
 public:
  DeadLetterPublisher(std::shared_ptr<Sink> sink, std::shared_ptr<ConfirmWindow> window,
                      std::chrono::milliseconds deadline)
      : sink_(std::move(sink)), window_(std::move(window)), deadline_(deadline) {}

  /// Starts the publish of `message`, given up because of its `last_error`. Never waits: a full publish window is an
  /// error, and `done` is then not called. Otherwise `done` runs once on the completion thread, perhaps before this
  /// returns.
  [[nodiscard]] Result<void> publish(Inbound const& message, Completion done) const;

 private:
  std::shared_ptr<Sink> sink_;
  std::shared_ptr<ConfirmWindow> window_;
  std::chrono::milliseconds deadline_;
};

}  // namespace fairlead
