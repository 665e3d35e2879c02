#include "observe/logging.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Counts every allocation of the process.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace fairlead {
namespace {

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fairlead-log-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    config_.file = folder_ / "service.log";
    config_.format = LogFormat::kJson;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> lines() const {
    std::vector<std::string> read;
    std::ifstream file(config_.file);
    for (std::string line; std::getline(file, line);) read.push_back(line);
    return read;
  }

  std::filesystem::path folder_;
  LogConfig config_;
};

TEST_F(LogFile, ALineIsInTheFileWhenWriteReturns) {
  auto const logger = make_logger(config_, "billing").value();
  log(*logger, LogLevel::kInfo, "connection", "connected", {{"destination", "orders"}});
  auto const read = lines();
  ASSERT_EQ(read.size(), 1U);
  auto const object = nlohmann::json::parse(read[0]);
  EXPECT_EQ(object["body"], "connected");
  EXPECT_EQ(object["service.name"], "billing");
  EXPECT_EQ(object["destination"], "orders");
}

TEST_F(LogFile, AnExistingFileIsContinued) {
  for (int i = 0; i < 2; ++i) log(*make_logger(config_, "billing").value(), LogLevel::kInfo, "connection", "again");
  EXPECT_EQ(lines().size(), 2U);
}

TEST_F(LogFile, ManyThreadsNeverMixTheirLines) {
  auto const logger = make_logger(config_, "billing").value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&logger, t] {
      std::string const body(100 + static_cast<std::size_t>(t) * 200, static_cast<char>('a' + t));
      for (int i = 0; i < 250; ++i) log(*logger, LogLevel::kInfo, "handle", body);
    });
  }
  for (auto& thread : threads) thread.join();
  auto const read = lines();
  EXPECT_EQ(read.size(), 1'000U);
  for (auto const& line : read) ASSERT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST_F(LogFile, AFileThatCannotBeWrittenIsAnErrorThatNamesTheSetting) {
  config_.file = "/dev/null/service.log";
  auto const logger = make_logger(config_, "billing");
  ASSERT_FALSE(logger);
  EXPECT_EQ(logger.error().code, Errc::kInvalidConfig);
  EXPECT_NE(logger.error().message.find("log.file"), std::string::npos) << logger.error().message;
  EXPECT_NE(logger.error().message.find("/dev/null/service.log"), std::string::npos);
}

TEST_F(LogFile, AFolderIsNotALogFile) {
  config_.file = folder_;
  EXPECT_FALSE(make_logger(config_, "billing"));
}

TEST(LogLevels, TheLevelOfALoggerGoesBeforeTheCommonOne) {
  LogConfig config;
  config.level = LogLevel::kWarn;
  config.loggers = {{"handle", LogLevel::kDebug}, {"kafka", LogLevel::kOff}};
  auto const logger = make_logger(config, "billing").value();
  EXPECT_TRUE(logger->is_enabled("handle", LogLevel::kDebug));
  EXPECT_FALSE(logger->is_enabled("handle", LogLevel::kTrace));
  EXPECT_FALSE(logger->is_enabled("kafka", LogLevel::kError));
  EXPECT_TRUE(logger->is_enabled("connection", LogLevel::kWarn));
  EXPECT_FALSE(logger->is_enabled("connection", LogLevel::kInfo));
}

TEST(LogLevels, OffIsOff) {
  LogConfig config;
  config.level = LogLevel::kOff;
  auto const logger = make_logger(config, "billing").value();
  EXPECT_FALSE(logger->is_enabled("connection", LogLevel::kError));
  EXPECT_FALSE(logger->is_enabled("connection", LogLevel::kOff));
}

TEST(LogLevels, AskingAllocatesNothing) {
  LogConfig config;
  config.loggers = {{"handle", LogLevel::kDebug}, {"publish", LogLevel::kInfo}};
  auto const logger = make_logger(config, "billing").value();
  auto const before = allocations.load();
  int enabled = 0;
  for (int i = 0; i < 1'000; ++i) enabled += logger->is_enabled("publish", LogLevel::kDebug) ? 1 : 0;
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(enabled, 0);
}

TEST_F(LogFile, AWarmLoggerWritesWithoutAllocating) {
  auto const logger = make_logger(config_, "billing").value();
  auto const write = [&] {
    LogFields fields;
    fields.add(log_field::kDestination, "orders").add(log_field::kAttempt, std::int64_t{1});
    log(*logger, LogLevel::kInfo, "handle", "handled", fields.view());
  };
  write();
  auto const before = allocations.load();
  for (int i = 0; i < 100; ++i) write();
  EXPECT_EQ(allocations.load(), before);
}

}  // namespace
}  // namespace fairlead
