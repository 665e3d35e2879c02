#include "core/process_mark.hpp"

#include <pthread.h>

#include <atomic>
#include <string>
#include <utility>

namespace fairlead {
namespace {

constinit std::atomic<unsigned> generation{0};

[[maybe_unused]] int const watching =
    ::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });

}  // namespace

unsigned fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

Error used_after_fork(std::string_view what) {
  return {Errc::kUsedAfterFork, "this " + std::string(what) +
                                    " belongs to the process that made it, and this one was forked from it: open a "
                                    "broker of its own in the child"};
}

void keep_for_ever(std::shared_ptr<void> owner) noexcept {
  struct Kept {
    std::shared_ptr<void> owner;
    Kept* next;
  };
  static std::atomic<Kept*> kept{nullptr};  // reachable, so that nobody takes it for a leak
  // Without memory for it the process ends, as of everything that may not fail.
  auto* const node = new Kept{std::move(owner), nullptr};  // NOLINT(bugprone-unhandled-exception-at-new)
  node->next = kept.exchange(node);
}

}  // namespace fairlead
