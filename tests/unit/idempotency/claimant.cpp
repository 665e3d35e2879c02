// One of several processes that share a store: claimant URL OWNER KEYS|hold
//   KEYS   claims the keys 0 to KEYS-1, completes what it was granted, and prints each of those
//   hold   claims the key `held`, prints `claimed` and waits to be killed
#include <fairlead/idempotency.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (argc != 4) return 2;
  std::string const owner = argv[2];
  std::string const task = argv[3];
  auto const store = fairlead::open_idempotency_store(argv[1], {.timeout = 30s}).value();
  if (task == "hold") {
    auto const claim = store->claim({"processes", "held"}, owner, 1s).value();
    std::puts(claim.state == fairlead::ClaimState::kClaimed ? "claimed" : "refused");
    std::fflush(stdout);
    for (;;) ::pause();
  }
  for (int number = 0; number < std::stoi(task); ++number) {
    std::string const key = std::to_string(number);
    auto const claim = store->claim({"processes", key}, owner, 60s);
    if (!claim) {
      std::fprintf(stderr, "%s\n", claim.error().message.c_str());
      return 1;
    }
    if (claim->state != fairlead::ClaimState::kClaimed) continue;
    if (!store->complete({"processes", key}, owner, 60s).value()) return 3;
    std::puts(key.c_str());
  }
}
