#include "kafka/lost_position.hpp"

#include <charconv>

namespace fairlead::kafka {

std::optional<LostPosition> lost_position(std::string_view facility, std::string_view text) noexcept {
  // "[thrd:main]: orders [3]: offset reset (at offset 17, broker 1) to BEGINNING: fetch failed ...: Broker: Offset out
  // of range"
  constexpr std::string_view kMark = "]: offset reset (at ";
  if (facility != "OFFSET") return std::nullopt;
  auto const mark = text.find(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  auto const bracket = text.rfind(" [", mark);
  if (bracket == std::string_view::npos) return std::nullopt;
  LostPosition lost;
  auto const number = text.substr(bracket + 2, mark - bracket - 2);
  auto const [end, error] = std::from_chars(number.data(), number.data() + number.size(), lost.partition);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  auto const before = text.rfind(": ", bracket);
  auto const begin = before == std::string_view::npos ? 0 : before + 2;
  lost.topic = text.substr(begin, bracket - begin);
  return lost;
}

}  // namespace fairlead::kafka
