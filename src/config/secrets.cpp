#include "config/secrets.hpp"

#include <algorithm>
#include <cctype>

namespace fairlead {

bool is_secret_name(std::string_view name) noexcept {
  if (name.ends_with("_file")) return false;  // where it is may be shown
  static constexpr std::string_view kSigns[] = {
      "password", "secret", "token", "passphrase", "jaas", "ssl.key.pem", "sasl.oauthbearer.config", "credential"};
  auto const same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::any_of(std::begin(kSigns), std::end(kSigns), [&](std::string_view sign) {
    return std::search(name.begin(), name.end(), sign.begin(), sign.end(), same) != name.end();
  });
}

}  // namespace fairlead
