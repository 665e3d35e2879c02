#include "kafka/outbound_headers.hpp"

#include "core/wire_names.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::kafka {
namespace {

std::optional<std::string> value_of(rd_kafka_headers_t const* headers, std::string_view name) {
  void const* value = nullptr;
  std::size_t size = 0;
  auto const code = rd_kafka_header_get_last(headers, std::string(name).c_str(), &value, &size);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return std::string(static_cast<char const*>(value), size);
}

TEST(OutboundHeaders, RetryCarriesWhenItIsDueAndForWhom) {
  Headers const none;
  Outbound message;
  message.headers = &none;
  EXPECT_FALSE(has_headers(message));
  message.due_at_ms = 1'700'000'010'000;
  EXPECT_TRUE(has_headers(message));
  EXPECT_EQ(value_of(make_headers(message).get(), wire::kDueAt), "1700000010000");
  EXPECT_EQ(value_of(make_headers(message).get(), wire::kOnlyGroup), std::nullopt);

  message.due_at_ms = 0;
  message.only_group = "billing";
  EXPECT_TRUE(has_headers(message));
  EXPECT_EQ(value_of(make_headers(message).get(), wire::kOnlyGroup), "billing");
  EXPECT_EQ(value_of(make_headers(message).get(), wire::kDueAt), std::nullopt);
}

}  // namespace
}  // namespace fairlead::kafka
