#pragma once

#include <fairlead/broker.hpp>
#include <fairlead/credentials.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace fairlead {

/// One question to a provider. Who drops it no longer wants the answer. Thread-safe.
class CredentialsRequest {
 public:
  explicit CredentialsRequest(std::function<void()> ready) : ready_(std::move(ready)) {}
  /// The answer, once; nothing as long as there is none.
  [[nodiscard]] std::optional<Result<Credentials>> take();
  void answer(Result<Credentials> const& answer);

 private:
  std::function<void()> const ready_;
  std::mutex mutex_;
  std::optional<Result<Credentials>> answer_;
};

/// Asks a provider, which may block and throw, on a thread that lives while questions wait. Thread-safe.
class CredentialsDesk : public std::enable_shared_from_this<CredentialsDesk> {
 public:
  explicit CredentialsDesk(CredentialsProvider provider) : provider_(std::move(provider)) {}

  /// `ready` is called on the desk's thread when the answer can be taken.
  [[nodiscard]] std::shared_ptr<CredentialsRequest> ask(std::function<void()> ready);
  /// Asks and waits.
  [[nodiscard]] Result<Credentials> get(std::chrono::steady_clock::time_point deadline);

 private:
  void serve();
  [[nodiscard]] Result<Credentials> call() const noexcept;

  CredentialsProvider const provider_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<CredentialsRequest>> waiting_;
  bool is_serving_ = false;
};

/// The desk for the provider in the options or for `connection.password_file`; null when there is neither.
[[nodiscard]] std::shared_ptr<CredentialsDesk> make_credentials_desk(Config const& config, OpenOptions const& options);

}  // namespace fairlead
