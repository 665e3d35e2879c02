#include "observe/log_line.hpp"

#include <fairlead/logger.hpp>

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

/// Lines are made here, so that escaping is ours; spdlog carries them out, one at a time.
class SpdlogLogger final : public Logger {
 public:
  SpdlogLogger(LogConfig const& config, std::string_view service, spdlog::sink_ptr sink)
      : format_(config.format),
        service_(service),
        default_(config.level),
        lowest_(config.level),
        levels_(config.loggers.begin(), config.loggers.end()),
        out_("fairlead", std::move(sink)) {
    for (auto const& [name, level] : levels_) lowest_ = std::min(lowest_, level);
    out_.set_pattern("%v");
    out_.set_level(spdlog::level::trace);
    out_.flush_on(spdlog::level::trace);  // the last lines before a crash are the ones that matter
  }

  [[nodiscard]] bool is_enabled(std::string_view logger, LogLevel level) const noexcept override {
    // Asked once per message: with all loggers above `level` it is one comparison.
    if (level < lowest_ || level == LogLevel::kOff) return false;
    for (auto const& [name, own] : levels_) {
      if (name == logger) return level >= own;
    }
    return level >= default_;
  }

  void write(LogRecord const& record) noexcept override {
    try {
      thread_local std::string line;
      line.clear();
      auto const now = std::chrono::system_clock::now();
      if (format_ == LogFormat::kJson) {
        append_json_line(line, record, now, service_);
      } else {
        append_console_line(line, record, now);
      }
      out_.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    } catch (std::exception const&) {
      return;  // no memory for a log line: there is nobody left to tell
    }
  }

 private:
  LogFormat const format_;
  std::string const service_;
  LogLevel const default_;
  LogLevel lowest_;
  std::vector<std::pair<std::string, LogLevel>> const levels_;
  spdlog::logger out_;
};

}  // namespace

Result<std::shared_ptr<Logger>> make_logger(LogConfig const& config, std::string_view service) {
  try {
    spdlog::sink_ptr sink;
    if (config.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file);
    }
    return std::shared_ptr<Logger>(std::make_shared<SpdlogLogger>(config, service, std::move(sink)));
  } catch (std::exception const& problem) {
    return Error{Errc::kInvalidConfig, "log.file: '" + config.file + "' cannot be written: " + problem.what()};
  }
}

}  // namespace fairlead
