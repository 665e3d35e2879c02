#pragma once

#include "config/plan.hpp"
#include "consume/source.hpp"
#include "memory/store.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::test {

/// A store with one destination, without a broker around it.
struct MemoryRig {
  explicit MemoryRig(int partitions = 1, std::vector<std::string> groups = {"billing"},
                     std::size_t max_bytes = 1'000'000)
      : store(std::make_shared<MemoryStore>(max_bytes)) {
    plan.name = "orders";
    plan.config.partitions = partitions;
    for (auto& group : groups) plan.groups.push_back({std::move(group), Ordering::kKey, {}, true, {}});
    store->declare(plan).value();
    log = store->find("orders");
  }

  [[nodiscard]] static RecordRef record(std::string_view payload, std::string_view key = {}) {
    Headers const headers;
    Outbound message;
    message.payload = payload;
    message.key = key;
    message.headers = &headers;
    return Record::make(message);
  }
  Result<MemoryStore::Place> append(std::string_view payload, std::string_view key = {}) const {
    return store->append(*log, record(payload, key));
  }
  [[nodiscard]] SourceSpec spec(std::string group = "billing", StartFrom start = StartFrom::kEarliest) const {
    SourceSpec spec;
    spec.destination = plan;
    spec.group.name = std::move(group);
    spec.config.start = start;
    return spec;
  }

  /// The group's delayed retries, declared and found by their place in the list.
  std::vector<DestinationPlan> declare_retries(std::vector<std::chrono::milliseconds> const& tiers) const {
    GroupPlan billing{"billing", Ordering::kKey, {}, true, tiers};
    auto plans = plan_retries(plan, billing);
    for (auto const& retry : plans) store->declare(retry).value();
    return plans;
  }
  [[nodiscard]] MemoryStore::Membership join(std::string const& group, StartFrom start = StartFrom::kEarliest) {
    return store->join({log}, group, start, reader_).front();
  }
  void leave(std::string const& group, MemberId member) { store->leave({log}, group, member, false, reader_); }

  DestinationPlan plan;
  std::shared_ptr<MemoryStore> store;
  Log* log = nullptr;

 private:
  Sleeper reader_;
};

}  // namespace fairlead::test
