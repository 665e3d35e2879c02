#pragma once

#include <fairlead/error.hpp>

#include <memory>
#include <string_view>

namespace fairlead {

/// How many forks lie between this process and the one the library was loaded in.
[[nodiscard]] unsigned fork_generation() noexcept;

/// Remembers the process in which an object was made. A forked child has a copy of the object, with its locks as they
/// happened to be, but none of its threads, and shares its sockets: it must leave all of that alone.
class ProcessMark {
 public:
  [[nodiscard]] bool is_foreign() const noexcept { return generation_ != fork_generation(); }

 private:
  unsigned generation_ = fork_generation();
};

[[nodiscard]] Error used_after_fork(std::string_view what);

/// Instead of destroying, in a child what belongs to the parent: it is kept to the end of the process. Thread-safe.
void keep_for_ever(std::shared_ptr<void> owner) noexcept;

}  // namespace fairlead
