#pragma once

#include <fairlead/idempotency.hpp>

#include <memory>
#include <string_view>

namespace fairlead::torture {

/// Where a process kills itself, as `kill -9` would, while it handles its n-th message. Told by the environment
/// variable FAIRLEAD_TORTURE_CRASHPOINT, such as `mid-handler:120`. Thread-safe.
class CrashPoint {
 public:
  enum class Place {
    kNone,
    kBeforeHandler,
    kMidHandler,
    kAfterEffect,  ///< the ledger has it
    kAfterMark,    ///< the idempotency store has it, see `store`
    kBeforeAck,    ///< the handler has answered; settlements wait for some milliseconds, and this does not
    kAfterAck,     ///< the settlement is on its way, or has arrived
  };

  [[nodiscard]] static CrashPoint from_environment();

  /// Call when a handling begins.
  void begin() noexcept;
  /// Dies here if this is the place, and the message's turn has come.
  void reach(Place place) noexcept;
  /// Call when the handler has decided.
  void decided() noexcept;

  /// A store that dies right after it has marked an effect; nothing when the crash point is another.
  [[nodiscard]] std::shared_ptr<IdempotencyStore> store();

 private:
  struct State;
  explicit CrashPoint(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace fairlead::torture
