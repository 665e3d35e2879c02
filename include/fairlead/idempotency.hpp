#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace fairlead {

/// Names one effect of one consumer. Borrowed for the length of a call.
struct ClaimKey {
  /// Whose effect it is: service, destination and group. The same key in two scopes is two effects.
  std::string_view scope;
  /// The message's idempotency key.
  std::string_view key;
};

enum class ClaimState {
  kClaimed,  ///< granted: handle the message, then `complete` or `release`
  kBusy,     ///< another owner handles it: come back later, and never take it for a duplicate
  kDone,     ///< the effect has happened: a duplicate
};

struct Claim {
  ClaimState state = ClaimState::kBusy;
  /// What is left of the other owner's lease when busy, at least 1 ms; otherwise zero.
  std::chrono::milliseconds busy_for{0};
};

struct StoreStats {
  /// Claims and done marks held; nothing where counting them is not cheap (SQLite, Redis).
  std::optional<std::uint64_t> entries;
  /// Done marks given up before their retention ended, for want of room: their duplicates are handled again. On Redis
  /// all keys that the server has evicted since it started, whoever they belong to (`maxmemory-policy`).
  std::uint64_t evicted = 0;
  /// Claims seen here whose lease ended before their owner came back. Redis forgets them by itself and counts none.
  std::uint64_t expired = 0;
};

/// Remembers which effects have happened and which are being worked on, so that an effect that is delivered twice
/// happens once. A state machine for each key:
///
///     absent -> claimed by an owner until its lease ends -> done until its retention ends -> absent
///
/// An owner token is unique for each handling of a message. A claim is granted only when the key is absent or the last
/// claim's lease has ended; to the same owner too it is granted once. A lease store cannot undo an effect: where a
/// process dies between the effect and `complete`, or works on past its lease, the effect may happen twice.
///
/// An error means that nothing is known: do not handle and do not drop the message. With `maybe_applied` a claim may
/// stand that nobody knows of; `release` by the same owner takes it back, else it ends with its lease.
///
/// Leases and retentions below 1 ms count as 1 ms, those above 10 years as 10 years.
///
/// Thread safety: thread-safe; so has a store of the application's own to be. Blocking: a call may go to a disk or to
/// a server, see `StoreOptions::timeout`; a store must not wait without a bound. Runs no user code but
/// `StoreOptions::on_evicted`. May be destroyed when no call is under way.
class FAIRLEAD_EXPORT IdempotencyStore {
 public:
  virtual ~IdempotencyStore();
  IdempotencyStore(IdempotencyStore const&) = delete;
  IdempotencyStore& operator=(IdempotencyStore const&) = delete;

  virtual Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) = 0;

  /// Marks the effect as done for `keep` from now, whoever holds the claim: it has happened. True: `owner` held the
  /// claim, or has completed it before. False: its lease had ended, so that another owner may have repeated the
  /// effect; count it.
  virtual Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) = 0;

  /// Gives the claim back, so that it can be granted at once. Does nothing when it is not this owner's or is done.
  virtual Result<void> release(ClaimKey key, std::string_view owner) = 0;

  /// Proves that the store can be used, such as before intake starts or resumes; changes no key. Blocks as a claim.
  virtual Result<void> check() { return {}; }

  /// On Redis it asks the server and keeps the last known figures when there is no answer.
  [[nodiscard]] virtual StoreStats stats() { return {}; }

 protected:
  IdempotencyStore() = default;
};

struct StoreOptions {
  /// `memory:` only: claims and done marks held at most, at least 1. Past it those done marks go first whose retention
  /// would end first; never a claim. With nothing but claims a claim is refused with a retryable error.
  std::size_t max_entries = 1'000'000;
  /// How long a call may take at most: waiting for other threads and processes on SQLite (a disk that hangs is beyond
  /// it); looking up, connecting, logging in and the answer together on Redis.
  std::chrono::milliseconds timeout{3'000};
  /// `redis:` only: connections at most, at least 1; further threads wait for one within `timeout`.
  std::size_t connections = 8;
  /// `memory:` only: called after done marks were evicted with their number so far, on the thread that claims and with
  /// no lock held. Must not block or throw.
  std::function<void(std::uint64_t evicted)> on_evicted{};
};

/// Makes the store that a URL names:
///
/// `memory:`  this object alone, gone with the process; every call makes one of its own.
/// `sqlite:path/to/file.db`  one file for all processes of a machine (not on a network file system); made when absent,
///     its folder is not. Every change is on disk before a call returns (WAL, `synchronous=FULL`); with
///     `?synchronous=normal` a power cut, not a crash of the process, may take back the last changes. Expiry follows
///     the wall clock, which is all that processes share: a clock set back prolongs leases, one set forward ends them.
/// `redis://[user:password@]host[:port][/database]`  for processes on several machines; one server or what stands for
///     it at one address (no cluster). What a Redis loses in a crash or a failover may happen twice:
///     `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction` keep it.
///
/// Checks the URL and the options only, blocks on nothing and connects to nothing: `check` and the first use do, and
/// a store that went away is found again by the next call. Errors never show the password.
[[nodiscard]] FAIRLEAD_EXPORT Result<std::shared_ptr<IdempotencyStore>> open_idempotency_store(
    std::string_view url, StoreOptions options = {});

}  // namespace fairlead
