#include <fairlead/publisher.hpp>

#include "publish/publisher_core.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace fairlead {

PublishStatus publish_status(Result<Receipt> const& result) noexcept {
  if (result) return PublishStatus::kConfirmed;
  // Sent a second time it may be unroutable although the first one found a place.
  if (result.error().maybe_applied) return PublishStatus::kUnknown;
  return result.error().code == Errc::kUnroutable ? PublishStatus::kUnroutable : PublishStatus::kNotPersisted;
}

std::string_view to_string(PublishStatus status) noexcept {
  switch (status) {
    case PublishStatus::kConfirmed: return "confirmed";
    case PublishStatus::kNotPersisted: return "not_persisted";
    case PublishStatus::kUnknown: return "unknown";
    case PublishStatus::kUnroutable: return "unroutable";
  }
  return "unknown";
}

Publisher::Publisher(std::shared_ptr<PublisherCore> core) noexcept : core_(std::move(core)) {}

Result<Receipt> Publisher::publish(std::string_view payload, PublishOptions const& options) {
  return core_->publish(payload, options);
}

Result<Receipt> Publisher::publish(Message const& message) {
  return core_->publish(message.payload, message.options());
}

void Publisher::publish_async(std::string_view payload, PublishOptions const& options, Completion done) {
  core_->publish_async(payload, options, std::move(done));
}

void Publisher::publish_async(Message const& message, Completion done) {
  core_->publish_async(message.payload, message.options(), std::move(done));
}

std::vector<Result<Receipt>> Publisher::publish_batch(std::span<Message const> messages) {
  if (core_->is_foreign()) return std::vector<Result<Receipt>>(messages.size(), used_after_fork("publisher"));
  if (core_->is_completing()) {
    return std::vector<Result<Receipt>>(
        messages.size(), Error{Errc::kInvalidArgument, "publish_batch waits and must not be called from a completion"});
  }
  std::vector<Result<Receipt>> results(messages.size(), Result<Receipt>(Receipt{}));
  std::mutex mutex;
  std::condition_variable all_answered;
  std::size_t left = messages.size();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    publish_async(messages[i], [&, i](Result<Receipt> const& result) {
      std::lock_guard const lock(mutex);
      results[i] = result;
      if (--left == 0) all_answered.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  all_answered.wait(lock, [&] { return left == 0; });  // each ends by its own deadline
  return results;
}

Result<void> Publisher::flush(std::chrono::milliseconds timeout) { return core_->flush(timeout); }

}  // namespace fairlead
