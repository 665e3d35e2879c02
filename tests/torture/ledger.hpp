#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead::torture {

/// A file of lines that outlive the process, however it dies. Every line is 128 bytes long, so that none crosses a page
/// of the file: the kernel lets a kill interrupt a write between two pages. Thread-safe; a write that fails ends the
/// program, because a run without its ledger proves nothing.
class Ledger {
 public:
  static constexpr std::size_t kLineBytes = 128;

  explicit Ledger(std::string const& path);
  ~Ledger();
  Ledger(Ledger const&) = delete;
  Ledger& operator=(Ledger const&) = delete;

  /// The text, padded to a whole line.
  [[nodiscard]] static std::string line(std::string_view text);

  /// Appends whole lines by one write(2).
  void append(std::string_view lines);

 private:
  int fd_;
};

}  // namespace fairlead::torture
