#include <fairlead/json.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace nlohmann {
template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& out, std::optional<T> const& value) { out = value ? json(*value) : json(nullptr); }
  static void from_json(json const& in, std::optional<T>& value) {
    value = in.is_null() ? std::nullopt : std::optional<T>(in.get<T>());
  }
};
}  // namespace nlohmann

namespace json_types {

enum class State { kNew, kPaid };
NLOHMANN_JSON_SERIALIZE_ENUM(State, {{State::kNew, "new"}, {State::kPaid, "paid"}})

struct Order {
  State state = State::kNew;
  int count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Order, state, count)

/// Reads any case, writes lower case.
struct Color {
  std::string name;
};
inline void to_json(nlohmann::json& out, Color const& color) { out = color.name; }
inline void from_json(nlohmann::json const& in, Color& color) {
  color.name = in.get<std::string>();
  for (auto& letter : color.name) letter = static_cast<char>(letter | 0x20);
}
struct StrictColor : Color {};
inline void to_json(nlohmann::json& out, StrictColor const& color) { out = color.name; }
inline void from_json(nlohmann::json const& in, StrictColor& color) { from_json(in, static_cast<Color&>(color)); }

/// Throws an exception of its own, and cannot be made without a value.
class Money {
 public:
  explicit Money(std::int64_t cents) : cents_(cents) {
    if (cents < 0) throw std::invalid_argument("money is never negative");
  }
  [[nodiscard]] std::int64_t cents() const { return cents_; }

 private:
  std::int64_t cents_;
};

/// Accepts a number or a string, writes a string.
struct Decimal {
  std::string text;
};
inline void to_json(nlohmann::json& out, Decimal const& value) { out = value.text; }
inline void from_json(nlohmann::json const& in, Decimal& value) {
  value.text = in.is_string() ? in.get<std::string>() : in.dump();
}

struct NotJson {};

/// Looks like a generated protobuf message.
struct Message {
  std::string SerializeAsString() const { return {}; }
};
inline void to_json(nlohmann::json& out, Message const&) { out = 1; }
inline void from_json(nlohmann::json const&, Message&) {}

}  // namespace json_types

namespace nlohmann {
template <>
struct adl_serializer<json_types::Money> {
  static void to_json(json& out, json_types::Money const& money) { out = money.cents(); }
  static json_types::Money from_json(json const& in) { return json_types::Money(in.get<std::int64_t>()); }
};
}  // namespace nlohmann

template <>
inline constexpr fairlead::JsonOptions fairlead::kJsonOptions<json_types::Color>{.exact = false};

namespace fairlead {
namespace {

using namespace json_types;

static_assert(Encodable<Order> && Encodable<Money> && Encodable<nlohmann::json> && Encodable<std::vector<Order>>);
static_assert(!Encodable<NotJson> && !Encodable<Message>);
static_assert(!Encodable<std::string_view> && !Encodable<char const*>);  // would point into the parsed document

template <class T>
bool decodes(std::string const& payload) {
  return Codec<T>::decode(payload).has_value();
}
template <class T>
std::string failure(std::string const& payload) {
  auto const value = Codec<T>::decode(payload);
  return value ? "decoded" : value.error().message;
}
template <class T>
T round_trip(T const& value) {
  std::string payload;
  EXPECT_TRUE(Codec<T>::encode(value, payload));
  return Codec<T>::decode(payload).value();
}

TEST(JsonTypes, AnUnknownEnumeratorIsNotTheFirstOne) {
  EXPECT_TRUE(decodes<Order>(R"({"state":"paid"})"));
  EXPECT_EQ(failure<Order>(R"({"state":"refunded"})"), "JSON: /state does not fit the type that it is read into");
}

TEST(JsonTypes, DefaultsThatATypeAsksForAreNotAnError) {
  EXPECT_TRUE(decodes<Order>("{}"));
  EXPECT_EQ(failure<Order>(R"({"count":2.5})"), "JSON: /count does not fit the type that it is read into");
}

TEST(JsonTypes, OptionalValuesMayBeNullAndAreOtherwiseExact) {
  EXPECT_EQ(Codec<std::optional<int>>::decode("null").value(), std::nullopt);
  EXPECT_EQ(Codec<std::optional<int>>::decode("7").value(), 7);
  EXPECT_FALSE(decodes<std::optional<int>>("7.5"));
}

TEST(JsonTypes, FloatsRoundFractionsButNotWholeNumbers) {
  EXPECT_TRUE(decodes<float>("0.1"));
  EXPECT_TRUE(decodes<float>("16777216"));
  EXPECT_FALSE(decodes<float>("16777217"));
  EXPECT_FALSE(decodes<float>("1e39"));  // infinite as a float
  EXPECT_TRUE(decodes<double>("9007199254740992"));
  EXPECT_FALSE(decodes<double>("9007199254740993"));
}

TEST(JsonTypes, TheWholeRangeOf64BitsIsExact) {
  EXPECT_EQ(Codec<std::uint64_t>::decode("18446744073709551615").value(), 18446744073709551615U);
  EXPECT_EQ(Codec<std::int64_t>::decode("-9223372036854775808").value(), INT64_MIN);
  EXPECT_FALSE(decodes<std::int64_t>("9223372036854775808"));
  EXPECT_FALSE(decodes<std::int64_t>("18446744073709551615"));  // has the bits of -1
  EXPECT_FALSE(decodes<std::uint64_t>("-1"));
  EXPECT_FALSE(decodes<std::uint64_t>("18446744073709551616"));
}

TEST(JsonTypes, SetsMayArriveInAnyOrderAndWithRepetitions) {
  EXPECT_EQ((Codec<std::set<int>>::decode("[3,1,3,2]").value()), (std::set<int>{1, 2, 3}));
  EXPECT_EQ((failure<std::set<int>>("[3,1,2.5]")), "JSON: /2 does not fit the type that it is read into");
  std::unordered_set<std::string> words;
  for (int i = 0; i < 20'000; ++i) words.insert("word" + std::to_string(i));
  EXPECT_EQ(round_trip(words), words);
  EXPECT_TRUE(decodes<std::set<int>>("[2.0,1.0]"));
}

TEST(JsonTypes, MapsWithAnyKeyMayArriveInAnyOrder) {
  std::unordered_map<int, std::string> names;
  for (int i = 0; i < 20'000; ++i) names.emplace(i * 7919, std::to_string(i));
  EXPECT_EQ(round_trip(names), names);
  EXPECT_EQ((failure<std::map<int, int>>("[[2,1],[1,1.5]]")), "JSON: /1/1 does not fit the type that it is read into");
}

TEST(JsonTypes, ElementsThatAFixedArrayWouldDropAreRefused) {
  EXPECT_TRUE((decodes<std::array<int, 3>>("[1,2,3]")));
  EXPECT_EQ((failure<std::array<int, 3>>("[1,2,3,4]")), "JSON: /3 does not fit the type that it is read into");
  EXPECT_EQ((failure<std::map<std::string, std::array<int, 3>>>(R"({"a":[1,2,3],"b":[1,2],"c":[]})")),
            "JSON: /b: array index 2 is out of range");
  EXPECT_FALSE((decodes<std::pair<int, int>>("[1,2,3]")));
}

TEST(JsonTypes, AHostileOrderOfElementsHasABoundedCost) {
  std::string payload = "[";
  for (int i = 50'000; i > 0; --i) payload += std::to_string(i) + ".0,";
  payload.back() = ']';
  EXPECT_FALSE(decodes<std::set<int>>(payload));  // past the bound an element counts as lost, never as kept
}

TEST(JsonTypes, ExceptionsOfATypeBecomeErrorsWithTheirPath) {
  EXPECT_EQ(Codec<Money>::decode("5").value().cents(), 5);
  EXPECT_EQ((failure<std::map<std::string, Money>>(R"({"a":1,"fee":-1,"z":-2})")),
            "JSON: /fee: money is never negative");
}

TEST(JsonTypes, ATypeMayWriteAnotherKindThanItRead) { EXPECT_TRUE(decodes<Decimal>("12.50")); }

TEST(JsonTypes, TypesThatNormaliseCanTurnExactnessOff) {
  EXPECT_EQ(Codec<Color>::decode(R"("RED")").value().name, "red");
  EXPECT_FALSE(decodes<StrictColor>(R"("RED")"));
}

}  // namespace
}  // namespace fairlead
