#pragma once

#include "core/process_mark.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"

#include <fairlead/capabilities.hpp>
#include <fairlead/config.hpp>
#include <fairlead/message.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace fairlead {

class Logger;

/// What a publisher shares with its broker; both may end first.
struct PublisherSetup {
  std::string destination;
  bool message_ids = true;
  bool trace = true;
  PublishConfig publish;
  Capabilities capabilities;
  std::shared_ptr<Logger> logger;
  std::shared_ptr<ConfirmWindow> window;
  std::shared_ptr<Sink> sink;
};

/// The publish flow of one destination: check, stamp, take a slot of the window, hand over to the backend.
/// Thread-safe.
class PublisherCore {
 public:
  explicit PublisherCore(PublisherSetup setup) noexcept : setup_(std::move(setup)) {}

  [[nodiscard]] Result<Receipt> publish(std::string_view payload, PublishOptions const& options);
  void publish_async(std::string_view payload, PublishOptions const& options, Completion done);
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);
  [[nodiscard]] bool is_foreign() const noexcept { return process_.is_foreign(); }
  [[nodiscard]] bool is_completing() const noexcept { return setup_.window->is_completing(); }

 private:
  /// On error the answer is left with the caller, who reports it.
  Result<void> start(std::string_view payload, PublishOptions const& options, PublishAnswer& answer);
  PublisherSetup const setup_;
  ProcessMark const process_;
};

}  // namespace fairlead
