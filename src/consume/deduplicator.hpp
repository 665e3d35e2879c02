#pragma once

#include "consume/inbound.hpp"

#include <fairlead/config.hpp>
#include <fairlead/idempotency.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace fairlead {

/// Claims the idempotency keys of one subscription's messages, so that an effect that is delivered twice happens once.
/// Blocks as its store does. Thread-safe.
class Deduplicator {
 public:
  /// `scope` says whose effects they are; `lease` is how long a claim holds without being completed.
  Deduplicator(std::shared_ptr<IdempotencyStore> store, std::string scope, std::chrono::milliseconds lease,
               std::chrono::milliseconds keep)
      : store_(std::move(store)), scope_(std::move(scope)), lease_(lease), keep_(keep) {}

  /// Granted: the message owns its key until `mark` or `release`. A message without a key and without an id cannot be
  /// told from another: it is granted and owns nothing.
  [[nodiscard]] Result<Claim> claim(Inbound& message);
  /// The effect has happened. False: the lease had ended before, so that it may have happened twice.
  [[nodiscard]] Result<bool> mark(Inbound& message);
  /// It has not happened: whoever gets the key next may try. A store that is away lets the lease end instead.
  void release(Inbound& message);

  [[nodiscard]] static std::string scope_of(std::string_view service, std::string_view destination,
                                            std::string_view group);

 private:
  [[nodiscard]] ClaimKey key_of(Inbound const& message) const noexcept;

  std::shared_ptr<IdempotencyStore> const store_;
  std::string const scope_;
  std::chrono::milliseconds const lease_;
  std::chrono::milliseconds const keep_;
};

}  // namespace fairlead
