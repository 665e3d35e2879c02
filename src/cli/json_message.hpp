#pragma once

#include <fairlead/delivery.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <string>

namespace fairlead::cli {

// A message as one line of JSON, the same for `publish --json` and `consume --json`, so that one can be piped into the
// other:
//   {"key":"k","headers":{"n":"v"},"payload":"text","id":"...","partition":0,"position":7,"attempt":1,"timestamp":ms}
// A payload that is not UTF-8 is base64 beside "encoding":"base64"; any other such value is {"base64":"..."}.

/// Without a line end.
[[nodiscard]] std::string to_json_line(Delivery const& delivery);

/// What the line says on top of `message`. Members that only a delivery has are ignored; unknown ones are refused.
[[nodiscard]] Result<Message> from_json_line(std::string const& line, Message message);

}  // namespace fairlead::cli
