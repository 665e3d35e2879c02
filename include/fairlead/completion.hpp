#pragma once

#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace fairlead {

/// What `publish_async` calls when the publish has ended: a move-only callable of `void(Result<Receipt> const&)`.
/// Callables up to 48 bytes are stored inside, so that a publish in the steady state allocates nothing.
class Completion {
 public:
  static constexpr std::size_t kInlineBytes = 48;

  Completion() noexcept = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Completion> && std::is_invocable_v<F&, Result<Receipt> const&>)
      Completion(F&& function) {  // NOLINT(google-explicit-constructor)
    using Stored = std::remove_cvref_t<F>;
    // NOLINTNEXTLINE(misc-redundant-expression): it is of one type that both sides are equal
    if constexpr (sizeof(Stored) <= kInlineBytes && alignof(Stored) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Stored>) {
      ::new (static_cast<void*>(storage_)) Stored(std::forward<F>(function));
      operations_ = &kInline<Stored>;
    } else {
      ::new (static_cast<void*>(storage_)) Stored*(new Stored(std::forward<F>(function)));
      operations_ = &kHeap<Stored>;
    }
  }
  Completion(Completion&& other) noexcept { take(other); }
  Completion& operator=(Completion&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Completion(Completion const&) = delete;
  Completion& operator=(Completion const&) = delete;
  ~Completion() { reset(); }

  explicit operator bool() const noexcept { return operations_ != nullptr; }
  void operator()(Result<Receipt> const& result) { operations_->call(storage_, result); }
  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(storage_);
  }

 private:
  struct Operations {
    void (*call)(void*, Result<Receipt> const&);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };
  template <class F>
  static constexpr Operations kInline{
      [](void* at, Result<Receipt> const& result) { (*std::launder(static_cast<F*>(at)))(result); },
      [](void* from, void* to) noexcept {
        auto* source = std::launder(static_cast<F*>(from));
        ::new (to) F(std::move(*source));
        source->~F();
      },
      [](void* at) noexcept { std::launder(static_cast<F*>(at))->~F(); }};
  template <class F>
  static constexpr Operations kHeap{[](void* at, Result<Receipt> const& result) { (**static_cast<F**>(at))(result); },
                                    [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
                                    [](void* at) noexcept { delete *static_cast<F**>(at); }};

  void take(Completion& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(other.storage_, storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInlineBytes];
  Operations const* operations_ = nullptr;
};

}  // namespace fairlead
