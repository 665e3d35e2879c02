#pragma once

#include <fairlead/logger.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fairlead::test {

/// A logger that keeps what it was given. Thread-safe.
class Notebook final : public Logger {
 public:
  struct Entry {
    LogLevel level;
    std::string logger;
    std::string text;
    std::map<std::string, std::string> fields;  // only texts; other values as "(value)"
    std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now();
  };

  explicit Notebook(LogLevel level = LogLevel::kDebug) : level_(level) {}

  bool is_enabled(std::string_view, LogLevel level) const noexcept override { return level >= level_; }
  void write(LogRecord const& record) noexcept override {
    Entry entry{
        record.level, std::string(record.logger), std::string(record.text), {}, std::chrono::steady_clock::now()};
    for (auto const& field : record.fields) {
      auto const* const text = std::get_if<std::string_view>(&field.value);
      entry.fields.emplace(field.name, text != nullptr ? *text : "(value)");
    }
    std::lock_guard const lock(mutex_);
    entries_.push_back(std::move(entry));
  }

  [[nodiscard]] std::vector<Entry> entries(std::string_view logger) const {
    std::vector<Entry> found;
    std::lock_guard const lock(mutex_);
    for (auto const& entry : entries_) {
      if (entry.logger == logger) found.push_back(entry);
    }
    return found;
  }
  [[nodiscard]] std::vector<Entry> all() const {
    std::lock_guard const lock(mutex_);
    return entries_;
  }

 private:
  LogLevel const level_;
  std::mutex mutable mutex_;
  std::vector<Entry> entries_;
};

}  // namespace fairlead::test
