#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
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

/// An id and a traceparent, new for each message as in any program that has them: ids that repeat would compress away.
class Stamps {
 public:
  void renew() {
    for (int const place : {15, 20}) write(id_.data() + place, 3);
    for (int const place : {24, 28, 32}) write(id_.data() + place, 4);
    for (int const place : {3, 11, 19, 27, 36, 44}) write(trace_.data() + place, 8);
  }
  [[nodiscard]] std::string& id() { return id_; }
  [[nodiscard]] std::string& trace() { return trace_; }

 private:
  void write(char* to, int digits) {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    for (int i = 0; i < digits; ++i) to[i] = "0123456789abcdef"[state_ >> (4 * i) & 0xfU];
  }
  std::uint64_t state_ = 88172645463325252U;
  std::string id_ = "01890a5d-ac96-774b-bcce-b302099a8057";
  std::string trace_ = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
};

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
