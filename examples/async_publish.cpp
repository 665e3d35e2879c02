// Ten thousand publishes in flight at once: none waits for another's confirm, and each is answered exactly once.
#include <fairlead/fairlead.hpp>

#include <atomic>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  auto broker = fairlead::Broker::open(fairlead::load_config("orders.yaml").value()).value();
  auto publisher = broker->publisher("orders").value();

  std::atomic<int> confirmed{0};
  std::atomic<int> failed{0};
  for (int i = 0; i < 10'000; ++i) {
    std::string const key = "user-" + std::to_string(i % 100);
    publisher.publish_async("order " + std::to_string(i), {.key = key},
                            [&](fairlead::Result<fairlead::Receipt> const& result) {
                              switch (fairlead::publish_status(result)) {
                                case fairlead::PublishStatus::kConfirmed: ++confirmed; break;
                                case fairlead::PublishStatus::kUnknown:       // it may be there: publish it again only
                                case fairlead::PublishStatus::kNotPersisted:  // with the same idempotency key
                                case fairlead::PublishStatus::kUnroutable: ++failed; break;
                              }
                            });
  }
  broker->flush(30s).value();
  std::cout << "confirmed " << confirmed << " failed " << failed << '\n';
  return confirmed == 10'000 ? 0 : 1;
}
