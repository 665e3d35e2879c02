#pragma once

#include <fairlead/export.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace fairlead {

/// A password or token. It cannot be printed, streamed or formatted, only asked for by `reveal`, and its bytes are
/// overwritten before their memory is given back. Thread-compatible.
class FAIRLEAD_EXPORT Secret {
 public:
  Secret() noexcept = default;
  explicit Secret(std::string_view text);
  Secret(Secret const& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  /// The text itself; valid until the secret changes.
  [[nodiscard]] std::string_view reveal() const noexcept { return {text_.get(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  friend bool operator==(Secret const& a, Secret const& b) noexcept { return a.reveal() == b.reveal(); }
  template <class Stream>
  friend Stream& operator<<(Stream&, Secret const&) = delete;

 private:
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
};

}  // namespace fairlead
