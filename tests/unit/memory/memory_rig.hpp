#pragma once

#include "config/plan.hpp"
#include "consume/source.hpp"
#include "memory/store.hpp"

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
    for (auto& group : groups) plan.groups.push_back({std::move(group), Ordering::kKey, {}, true});
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

  DestinationPlan plan;
  std::shared_ptr<MemoryStore> store;
  Log* log = nullptr;
};

}  // namespace fairlead::test
