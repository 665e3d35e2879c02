#pragma once

#include "publish/confirm_window.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead {

class Logger;

/// The log record of one publish, on logger `publish` at debug: written when the publish ends.
class PublishLog final : public PublishTrail {
 public:
  static constexpr std::string_view kLogger = "publish";

  PublishLog(std::shared_ptr<Logger> logger, std::string_view destination, std::string_view key)
      : logger_(std::move(logger)), destination_(destination), key_(key) {}

  void set_stamps(std::string_view id, std::string_view traceparent) {
    id_ = id;
    traceparent_ = traceparent;
  }
  void ended(Result<Receipt> const& result) noexcept override;

 private:
  std::shared_ptr<Logger> logger_;
  std::string destination_;
  std::string key_;
  std::string id_;
  std::string traceparent_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace fairlead
