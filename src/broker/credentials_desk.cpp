#include "broker/credentials_desk.hpp"

#include "core/thread.hpp"
#include "observe/redact.hpp"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <utility>

namespace fairlead {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 10;

Error provider_error(std::string const& what) {
  return {Errc::kAuthentication, "the credentials provider failed: " + redact(what)};
}

/// A password in a file, without the line end that editors leave behind it.
Result<Credentials> read_password_file(std::string const& path) {
  auto const failed = [&path](std::string const& why) {
    return Error{Errc::kAuthentication, "connection.password_file: cannot read " + path + ": " + why};
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return failed(std::strerror(errno));
  auto size = static_cast<std::size_t>(file.gcount());
  if (size > kMaxFileBytes) return failed("it is larger than 64 KiB");
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) --size;
  Credentials credentials;
  credentials.password = Secret(std::string_view(text).substr(0, size));
  ::explicit_bzero(text.data(), text.size());
  if (size == 0) return failed("it is empty");
  return credentials;
}

}  // namespace

std::optional<Result<Credentials>> CredentialsRequest::take() {
  std::lock_guard const lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

void CredentialsRequest::answer(Result<Credentials> const& answer) {
  {
    std::lock_guard const lock(mutex_);
    answer_ = answer;
  }
  if (ready_) ready_();
}

std::shared_ptr<CredentialsRequest> CredentialsDesk::ask(std::function<void()> ready) {
  auto request = std::make_shared<CredentialsRequest>(std::move(ready));
  std::lock_guard const lock(mutex_);
  std::erase_if(waiting_, [](auto const& each) { return each.expired(); });  // a provider may be stuck for ever
  waiting_.push_back(request);
  if (!std::exchange(is_serving_, true)) {
    try {
      Thread("fl-credentials", [self = shared_from_this()] { self->serve(); }).detach();
    } catch (std::exception const& no_thread) {
      is_serving_ = false;
      waiting_.clear();
      request->answer(provider_error(no_thread.what()));
    }
  }
  return request;
}

Result<Credentials> CredentialsDesk::get(std::chrono::steady_clock::time_point deadline) {
  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_set = false;
  };
  auto const signal = std::make_shared<Signal>();
  auto const request = ask([signal] {
    std::lock_guard const lock(signal->mutex);
    signal->is_set = true;
    signal->changed.notify_all();
  });
  std::unique_lock lock(signal->mutex);
  if (!signal->changed.wait_until(lock, deadline, [&] { return signal->is_set; })) {
    return Error{Errc::kTimeout, "the credentials provider did not answer within `connection.connect_timeout`", true};
  }
  return *request->take();
}

void CredentialsDesk::serve() {
  for (;;) {
    std::vector<std::weak_ptr<CredentialsRequest>> asked;
    {
      std::lock_guard const lock(mutex_);
      asked.swap(waiting_);
      if (asked.empty()) {
        is_serving_ = false;
        return;
      }
    }
    auto const answer = call();
    for (auto const& each : asked) {
      if (auto const request = each.lock()) request->answer(answer);
    }
  }
}

Result<Credentials> CredentialsDesk::call() const noexcept {
  try {
    auto answer = provider_();
    if (answer) return answer;
    auto error = std::move(answer).error();
    error.message = redact(error.message);
    return error;
  } catch (std::exception const& thrown) {
    return provider_error(thrown.what());
  } catch (...) {
    return provider_error("it threw something that is no std::exception");
  }
}

std::shared_ptr<CredentialsDesk> make_credentials_desk(Config const& config, OpenOptions const& options) {
  if (options.credentials) return std::make_shared<CredentialsDesk>(options.credentials);
  if (config.connection.password_file.empty()) return nullptr;
  return std::make_shared<CredentialsDesk>(
      [path = config.connection.password_file] { return read_password_file(path); });
}

}  // namespace fairlead
