#include <fairlead/secret.hpp>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace {

// What was in a memory block when it was given back.
void* watched = nullptr;
std::string at_release;

}  // namespace

void* operator new[](std::size_t size) {
  if (void* const block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
void operator delete[](void* block) noexcept {
  if (block != nullptr && block == watched) {
    at_release.assign(static_cast<char const*>(block), at_release.size());
    watched = nullptr;
  }
  std::free(block);
}
void operator delete[](void* block, std::size_t) noexcept { operator delete[](block); }

namespace fairlead {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, T const& value) {
  out << value;
};
template <class T>
concept Text = std::is_convertible_v<T, std::string_view> || std::is_convertible_v<T, std::string> ||
    std::is_convertible_v<T, char const*>;

static_assert(!Streamable<Secret>);
static_assert(!Text<Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<std::string, Secret>, "a secret is made on purpose");
static_assert(Streamable<std::string> && Text<std::string>, "the checks themselves work");
static_assert(fmt::is_formattable<std::string>::value);

constexpr std::string_view kCanary = "canary-5ec7e7-of-some-length";

/// Watches the secret's bytes while `end` ends them.
template <class F>
std::string bytes_left_by(Secret const& secret, F end) {
  watched = const_cast<char*>(secret.reveal().data());
  at_release.assign(kCanary.size(), '?');
  end();
  EXPECT_EQ(watched, nullptr) << "the memory was not given back";
  watched = nullptr;
  return at_release;
}

TEST(Secret, IsOnlyRevealedOnPurpose) {
  Secret const secret(kCanary);
  EXPECT_EQ(secret.reveal(), kCanary);
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret("").reveal().empty());
}

TEST(Secret, IsOverwrittenBeforeItsMemoryIsGivenBack) {
  std::string const nothing(kCanary.size(), '\0');
  auto* const destroyed = new Secret(kCanary);
  EXPECT_EQ(bytes_left_by(*destroyed, [&] { delete destroyed; }), nothing);
  Secret assigned(kCanary);
  EXPECT_EQ(bytes_left_by(assigned, [&] { assigned = Secret("other"); }), nothing);
  Secret moved(kCanary);
  EXPECT_EQ(bytes_left_by(moved, [&] { Secret const target(std::move(moved)); }), nothing);
}

TEST(Secret, CopiesAreApart) {
  Secret const one(kCanary);
  Secret two = one;
  EXPECT_TRUE(one == two);
  two = Secret("other");
  EXPECT_FALSE(one == two);
  EXPECT_EQ(one.reveal(), kCanary);
}

}  // namespace
}  // namespace fairlead
