#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fairlead::test {

/// A sanitizer keeps freed memory for a while, and takes many times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

/// What this process has from the system.
struct Resources {
  std::size_t resident_kib = 0;
  std::size_t descriptors = 0;
  std::size_t threads = 0;

  [[nodiscard]] static Resources now() {
    auto const count = [](char const* folder) {
      return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
    };
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    file.close();
    constexpr std::size_t kPageKib = 4;
    return {pages * kPageKib, count("/proc/self/fd") - 1, count("/proc/self/task")};  // but the one that looks
  }
};

}  // namespace fairlead::test
