#include "security/secured.hpp"
#include "support/silent_server.hpp"

namespace fairlead::security {
namespace {

using test::SilentServer;

class Peer : public Secured {
 protected:
  /// What both clients say of a peer that greets like that and then says nothing.
  void expect_refused(std::string const& greeting, Errc amqp, std::string const& why) {
    SilentServer const server(greeting);
    for (auto const* const scheme : {"kafka://", "amqp://guest:guest@", "kafkas://", "amqps://guest:guest@"}) {
      auto made = config(scheme + server.address());
      made.connection.connect_timeout = 1500ms;
      auto const refused = refusal(made, why + " " + scheme);
      bool const is_amqp = std::string_view(scheme) == "amqp://guest:guest@";
      if (is_amqp) {
        EXPECT_EQ(refused.code, amqp) << refused.message;
      }
      EXPECT_TRUE(refused.code == Errc::kNotConnected || refused.code == Errc::kProtocol || refused.code == Errc::kTls)
          << scheme << ": " << refused.message;
      EXPECT_TRUE(has(refused.message, server.address())) << refused.message;
    }
  }
};

TEST_F(Peer, SaysNothing) { expect_refused("", Errc::kNotConnected, "silent"); }

TEST_F(Peer, SpeaksGarbage) {
  std::string garbage;
  for (int i = 0; i < 4096; ++i) garbage.push_back(static_cast<char>(i * 151 + 7));
  expect_refused(garbage, Errc::kProtocol, "garbage");
}

TEST_F(Peer, SpeaksHttp) { expect_refused("HTTP/1.1 400 Bad Request\r\n\r\n", Errc::kProtocol, "http"); }

TEST_F(Peer, StopsInTheMiddleOfAFrame) {
  using namespace std::string_literals;
  expect_refused("\x01\x00\x00\x00\x00\x01\xf4\x00\x0a\x00\x0a\x00\x09"s, Errc::kNotConnected, "half a frame");
}

TEST_F(Peer, ClaimsAFrameOfTwoGigabytes) {
  using namespace std::string_literals;
  expect_refused("\x01\x00\x00\x7f\xff\xff\xff\x00\x0a\x00\x0a"s, Errc::kProtocol, "huge frame");
}

}  // namespace
}  // namespace fairlead::security
