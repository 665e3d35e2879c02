#pragma once

#include <fairlead/idempotency.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead {

using namespace std::chrono_literals;

/// A folder of the test's own.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] std::string file(std::string const& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Fails the calling test, or skips it where brokers are not required; true when redis-server is there.
bool require_redis();

/// Where a store keeps what it knows; several stores of one place share it, as several processes would.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  [[nodiscard]] virtual std::string url() const = 0;
  [[nodiscard]] std::shared_ptr<IdempotencyStore> open() const {
    return open_idempotency_store(url(), {.timeout = 30s}).value();
  }
};

/// Of the kinds "memory", "sqlite" and "redis".
[[nodiscard]] std::unique_ptr<StorePlace> make_place(std::string_view kind);

[[nodiscard]] inline ClaimKey order(std::string_view key) {
  return {
      "shop\x1forders\x1f"
      "billing",
      key};
}

}  // namespace fairlead
