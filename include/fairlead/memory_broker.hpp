#pragma once

#include <fairlead/broker.hpp>

namespace fairlead {

/// The in-process broker: a real log with partitions, groups and watermarks, bounded by `memory.max_bytes`. Brokers
/// opened with one `memory://name` in one process share their messages, which end with the last of them.
/// Opened by `Broker::open` for `memory://` URLs, or directly when the program knows what it talks to.
class FAIRLEAD_EXPORT MemoryBroker final : public Broker {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MemoryBroker>> open(Config config, OpenOptions options = {});
  ~MemoryBroker() override;

 private:
  struct Impl;
  MemoryBroker(Config config, OpenOptions options, Capabilities capabilities);

  Result<void> do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point deadline) override;
  Result<std::unique_ptr<Sink>> do_open_sink(DestinationPlan const& plan,
                                             std::chrono::steady_clock::time_point deadline) override;
  Result<std::unique_ptr<Source>> do_open_source(SourceSpec const& spec, Intake& intake,
                                                 std::chrono::steady_clock::time_point deadline) override;
  [[nodiscard]] BrokerHealth do_health() const override;
  Result<void> do_close(std::chrono::steady_clock::time_point deadline) override;

  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead
