#include "kafka/version_gates.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace fairlead::kafka {
namespace {

struct Gate {
  Since what;
  int version;  // major, minor, patch, 0xff for a release
};

constexpr std::array kGates{
    Gate{Since::kSeekInMilliseconds, 0x020100ff},
    Gate{Since::kFetchQueueBackoff, 0x020200ff},
    Gate{Since::kLongClientId, 0x020500ff},
    Gate{Since::kScramWithKafka4, 0x020601ff},
};

std::string text_of(int version) {
  auto const part = [version](int shift) { return std::to_string((version >> shift) & 0xff); };
  return part(24) + "." + part(16) + "." + part(8);
}

int version_of(Since what) noexcept {
  auto const* const gate =
      std::find_if(kGates.begin(), kGates.end(), [what](Gate const& known) { return known.what == what; });
  return gate->version;
}

}  // namespace

bool has(Since what, int version) noexcept { return version >= version_of(what); }

std::string login_hint(std::string_view mechanisms, int version) {
  constexpr std::string_view kScram = "scram";
  auto const is_scram = std::search(mechanisms.begin(), mechanisms.end(), kScram.begin(), kScram.end(),
                                    [](unsigned char a, char b) { return std::tolower(a) == b; }) != mechanisms.end();
  if (!is_scram || has(Since::kScramWithKafka4, version)) return {};
  return "SCRAM with Kafka 4 needs librdkafka " + text_of(version_of(Since::kScramWithKafka4)) + " or newer; this is " +
         text_of(version) + ", which gets in with PLAIN or OAUTHBEARER";
}

void add_login_hint(Error& error, rd_kafka_t const* client) {
  if (error.code != Errc::kAuthentication) return;
  std::array<char, 128> mechanisms{};
  std::size_t size = mechanisms.size();
  if (rd_kafka_conf_get(rd_kafka_conf(const_cast<rd_kafka_t*>(client)), "sasl.mechanisms", mechanisms.data(), &size) !=
      RD_KAFKA_CONF_OK) {
    return;
  }
  if (auto const hint = login_hint(mechanisms.data()); !hint.empty()) error.message += " (" + hint + ")";
}

}  // namespace fairlead::kafka
