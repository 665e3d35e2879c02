#pragma once

#include <fairlead/delivery.hpp>

#include <string>

namespace fairlead::cli {

// Dead letters for people; scripts take to_json_line. Bytes that would move the cursor are shown as `\xNN`.

/// The names of the columns, with a line end.
[[nodiscard]] std::string dead_letter_heading();
/// One line: when, how often, why, key, id, error.
[[nodiscard]] std::string dead_letter_row(Delivery const& delivery);
/// All there is to know, one thing a line, and the payload at the end.
[[nodiscard]] std::string dead_letter_details(Delivery const& delivery);

}  // namespace fairlead::cli
