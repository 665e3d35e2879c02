#include "observe/redact.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace fairlead {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kBehindName = " \t\r\n\"'\\";  // quotes may be escaped in text that quotes JSON
constexpr std::array<std::string_view, 11> kSecretWords{"password", "passwd",     "passphrase",    "secret",
                                                        "token",    "credential", "authorization", "api_key",
                                                        "api-key",  "apikey",     ".pem"};
constexpr std::array<std::string_view, 3> kAuthSchemes{"bearer", "basic", "digest"};

char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool begins_with(std::string_view text, std::string_view word) noexcept {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char w, char t) { return w == lower(t); });
}

bool is_name_character(char letter) noexcept {
  char const small = lower(letter);
  return (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9') || small == '_' || small == '-' ||
         small == '.';
}

std::size_t skip(std::string_view text, std::size_t at, std::string_view what) noexcept {
  return std::min(text.find_first_not_of(what, at), text.size());
}

/// Where the value begins that belongs to a secret name starting at `at`; 0 when there is no such name or no value.
std::size_t secret_value(std::string_view text, std::size_t at) noexcept {
  auto const rest = text.substr(at);
  if (std::none_of(kSecretWords.begin(), kSecretWords.end(), [&](auto word) { return begins_with(rest, word); })) {
    return 0;
  }
  while (at < text.size() && is_name_character(text[at])) ++at;
  at = skip(text, at, kBehindName);
  if (at >= text.size() || (text[at] != '=' && text[at] != ':')) return 0;
  at = skip(text, at + 1, " \t\r\n\\");
  for (auto scheme : kAuthSchemes) {
    if (begins_with(text.substr(at), scheme) && kBlank.find(text.substr(at + scheme.size(), 1)) == 0) {
      return skip(text, at + scheme.size(), kBlank);
    }
  }
  return at;
}

/// The end of a value: its closing quote, or the next separator.
std::size_t value_end(std::string_view text, std::size_t at) noexcept {
  char const quote = text[at];
  if (quote != '"' && quote != '\'') return std::min(text.find_first_of(" \t\r\n,;&\"'", at), text.size());
  for (++at; at < text.size() && text[at] != quote; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at, text.size());
}

/// The end of the password in `user:password@host` at `at`, right behind `://`; 0 when there is none. `begin` gets its
/// begin. A password with an unescaped `/` or `@` in it is hidden as well.
std::size_t url_password(std::string_view text, std::size_t at, std::size_t& begin) noexcept {
  auto const url = text.substr(at, text.find_first_of(" \t\r\n\"'<>", at) - at);
  auto const end = url.rfind('@');
  if (end == std::string_view::npos) return 0;
  auto const colon = url.find(':');
  if (colon == std::string_view::npos || colon > end) return 0;
  begin = at + colon + 1;
  return at + end;
}

/// The end of the private key that begins at `at`; 0 when none does.
std::size_t private_key_end(std::string_view text, std::size_t at) noexcept {
  static constexpr std::string_view kEnd = "-----END";
  auto const rest = text.substr(at);
  if (!rest.starts_with(kPemBegin)) return 0;
  auto const title = rest.substr(kPemBegin.size(), rest.find("-----", kPemBegin.size()) - kPemBegin.size());
  if (title.find("PRIVATE KEY") == std::string_view::npos) return 0;
  return std::min(text.find(kEnd, at), text.size());
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    auto const rest = text.substr(at);
    if (rest.starts_with("://")) {
      std::size_t begin = 0;
      if (std::size_t const end = url_password(text, at + 3, begin); end != 0) {
        out.append(text.substr(at, begin - at)).append(kHidden);
        at = end;
        continue;
      }
    }
    if (std::size_t const end = private_key_end(text, at); end != 0) {
      out.append(kHidden);
      at = end;
      continue;
    }
    if (std::size_t const value = secret_value(text, at); value != 0 && value < text.size()) {
      bool const quoted = text[value] == '"' || text[value] == '\'';
      bool const is_pem = text.substr(value).starts_with(kPemBegin);  // has blanks: its own rule hides it
      out.append(text.substr(at, value - at + (quoted ? 1 : 0)));
      if (!is_pem) out.append(kHidden);
      at = is_pem ? value : value_end(text, value);
      continue;
    }
    out.push_back(text[at++]);
  }
  return out;
}

}  // namespace fairlead
