#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// What every benchmark program here shares: its arguments, its payload, and one line of JSON as its result.
namespace bench {

/// `name=value` arguments.
inline std::string argument(int argc, char** argv, std::string_view name, std::string fallback) {
  for (int i = 1; i < argc; ++i) {
    std::string_view const text = argv[i];
    if (text.size() > name.size() && text.substr(0, name.size()) == name && text[name.size()] == '=') {
      return std::string(text.substr(name.size() + 1));
    }
  }
  return fallback;
}

inline long number(int argc, char** argv, std::string_view name, long fallback) {
  auto const text = argument(argc, argv, name, "");
  return text.empty() ? fallback : std::strtol(text.c_str(), nullptr, 10);
}

/// A JSON-like document of exactly `size` bytes whose text does not repeat.
inline std::string payload(std::size_t size) {
  std::string text = R"({"id":0,"user":"JAg0iuQL4kY","event":"page_view","data":")";
  unsigned state = 12345;
  while (text.size() < size) {
    state = state * 1103515245U + 12345U;
    text.push_back(static_cast<char>('a' + (state >> 16U) % 26U));
  }
  text.resize(size);
  return text;
}

/// Wall and CPU time of this process from `start` to `report`.
class Stopwatch {
 public:
  void start() {
    wall_ = std::chrono::steady_clock::now();
    cpu_ = cpu_seconds();
  }
  void report(std::string_view name, long messages, long size) const {
    double const wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
    double const cpu = cpu_seconds() - cpu_;
    std::printf(R"({"name":"%.*s","messages":%ld,"size":%ld,"seconds":%.4f,"rate":%.0f,"cpu_us":%.3f})"
                "\n",
                static_cast<int>(name.size()), name.data(), messages, size, wall, static_cast<double>(messages) / wall,
                cpu * 1e6 / static_cast<double>(messages));
    std::fflush(stdout);
  }

 private:
  static double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto const seconds = [](timeval const& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  std::chrono::steady_clock::time_point wall_;
  double cpu_ = 0;
};

[[noreturn]] inline void fail(std::string const& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

}  // namespace bench
