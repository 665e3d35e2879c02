#pragma once

#include "support/wait.hpp"

#include <fairlead/idempotency.hpp>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

/// Does what the test says, and writes down what it was asked: "claim KEY", "complete KEY", "release KEY". Grants and
/// completes everything until it is told otherwise. Thread-safe.
class HandDrivenStore final : public IdempotencyStore {
 public:
  using ClaimAnswer = std::function<Result<Claim>(std::string const& key)>;
  using CompleteAnswer = std::function<Result<bool>(std::string const& key)>;

  [[nodiscard]] static Error away() { return {Errc::kNotConnected, "the store is away", true}; }

  void on_claim(ClaimAnswer answer) {
    std::lock_guard const lock(mutex_);
    claim_ = std::move(answer);
  }
  void on_complete(CompleteAnswer answer) {
    std::lock_guard const lock(mutex_);
    complete_ = std::move(answer);
  }
  void is_back() {
    std::lock_guard const lock(mutex_);
    claim_ = {};
    complete_ = {};
  }

  Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds) override {
    auto const answer = note("claim ", key, owner, &HandDrivenStore::claim_);
    return answer ? answer(std::string(key.key)) : Claim{ClaimState::kClaimed};
  }
  Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds) override {
    auto const answer = note("complete ", key, owner, &HandDrivenStore::complete_);
    return answer ? answer(std::string(key.key)) : true;
  }
  Result<void> release(ClaimKey key, std::string_view owner) override {
    (void)note("release ", key, owner, &HandDrivenStore::claim_);
    return {};
  }

  [[nodiscard]] std::vector<std::string> calls() const {
    std::lock_guard const lock(mutex_);
    return calls_;
  }
  [[nodiscard]] std::size_t count(std::string const& call) const {
    auto const all = calls();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), call));
  }
  [[nodiscard]] std::vector<std::string> owners() const {
    std::lock_guard const lock(mutex_);
    return owners_;
  }
  [[nodiscard]] std::string scope() const {
    std::lock_guard const lock(mutex_);
    return scope_;
  }

 private:
  template <class F>
  F note(std::string const& call, ClaimKey key, std::string_view owner, F HandDrivenStore::*answer) {
    F chosen;
    {
      std::lock_guard const lock(mutex_);
      calls_.push_back(call + std::string(key.key));
      owners_.emplace_back(owner);
      scope_ = key.scope;
      chosen = this->*answer;
    }
    something_changed();
    return chosen;
  }

  mutable std::mutex mutex_;
  ClaimAnswer claim_;
  CompleteAnswer complete_;
  std::vector<std::string> calls_, owners_;  // one owner per call
  std::string scope_;
};

}  // namespace fairlead::test
