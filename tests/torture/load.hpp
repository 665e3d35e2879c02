#pragma once

#include "torture/ledger.hpp"

#include <fairlead/fairlead.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace fairlead::torture {

struct Publish {
  std::uint64_t number;
  std::string key;
  std::chrono::steady_clock::time_point begin;
  std::chrono::milliseconds deadline;
};

/// How every publish ended, one line each; see torture_producer.cpp. Completions must not wait, and a busy disk makes
/// writers wait: a thread of its own writes. Thread-safe.
class Answers {
 public:
  explicit Answers(std::string const& path);

  void add(Result<Receipt> const& result, Publish const& publish);
  /// Why the first of those that were not confirmed failed; empty when all were. Call it once, at the end.
  std::string finish(std::uint64_t invoked);

 private:
  void write_until(std::stop_token const& stop);
  void write();

  Ledger ledger_;
  std::mutex mutex_;
  std::string lines_;
  std::string first_failure_;
  std::jthread writer_;
};

/// What one process, or one thread that stands for it, publishes.
struct Load {
  int process = 0;
  std::uint64_t count = 0;  ///< 0: until it is told to stop
  int keys = 1;
  std::vector<std::string> copies;  ///< the key of each message, which is its idempotency key too; instead of `keys`
  int rate = 0;                     ///< messages a second; 0: as fast as the window allows
  std::size_t max_body = 0;
  int hurried = 0;  ///< percent of them, with a deadline of 50 to 500 ms
  std::uint32_t run = 0;
  std::uint64_t seed = 1;
};

/// Each business key 1 to `copies_max` times, in random order.
[[nodiscard]] std::vector<std::string> plan_copies(int count, int copies_max, std::uint64_t seed);

/// Publishes, and returns how many messages it were; not all of them have ended by then.
std::uint64_t publish(Load const& load, Publisher publisher, std::chrono::milliseconds deadline, Answers& answers,
                      std::atomic<bool> const& is_told_to_stop);

}  // namespace fairlead::torture
