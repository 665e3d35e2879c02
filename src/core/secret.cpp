#include <fairlead/secret.hpp>

#include <string.h>

#include <algorithm>
#include <utility>

namespace fairlead {

Secret::Secret(std::string_view text) : text_(text.empty() ? nullptr : new char[text.size()]), size_(text.size()) {
  std::copy(text.begin(), text.end(), text_.get());
}

Secret::Secret(Secret const& other) : Secret(other.reveal()) {}

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret other) noexcept {
  std::swap(text_, other.text_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  if (text_) ::explicit_bzero(text_.get(), size_);  // a plain memset before the memory is freed may be optimised away
}

}  // namespace fairlead
