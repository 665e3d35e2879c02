#include "amqp/properties.hpp"
#include "support/amqp_server.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"
#include "unit/amqp/client.hpp"
#include "unit/amqp/recorded_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

// Sessions with a real RabbitMQ, of which the connection breaks behind each of the broker's first 4096 bytes.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;

Frame parsed(std::string const& bytes) {
  constexpr std::size_t kBeforePayload = 7;
  return {static_cast<std::uint8_t>(bytes[0]), load_big_endian<std::uint16_t>(bytes.data() + 1),
          std::string_view(bytes).substr(kBeforePayload, bytes.size() - kFrameOverhead)};
}

/// Whether the client sends it each time and in the same place: not what a timer decides.
bool is_steady(Frame const& frame) {
  return frame.type != AMQP_FRAME_HEARTBEAT && method_of(frame) != AMQP_BASIC_ACK_METHOD;
}

/// What the broker said, and when.
class BrokersHalf {
 public:
  struct Line {
    std::string bytes;
    std::size_t after = 0;   // the client's frame of that number
    std::size_t opened = 0;  // on the channel that was opened as the n-th; 0: on none
  };

  explicit BrokersHalf(std::string const& name) {
    std::size_t heard = 0;
    std::size_t opened = 0;
    std::map<std::uint16_t, std::size_t> channels;
    for (auto& frame : read_recording(std::string(RECORDINGS) + "/recorded_session." + name + ".txt")) {
      if (frame.bytes.starts_with("AMQP")) continue;
      auto const content = parsed(frame.bytes);
      if (frame.is_from_broker) {
        lines_.push_back({std::move(frame.bytes), heard, channels[content.channel]});
      } else if (is_steady(content)) {
        ++heard;
        if (method_of(content) == AMQP_CHANNEL_OPEN_METHOD) channels[content.channel] = ++opened;
      }
    }
  }

  [[nodiscard]] std::vector<Line> const& lines() const noexcept { return lines_; }
  /// The frames of which a client has got every byte when it has got so many.
  [[nodiscard]] std::vector<Frame> within(std::size_t bytes) const {
    std::vector<Frame> whole;
    for (auto const& line : lines_) {
      if (line.bytes.size() > bytes) break;
      bytes -= line.bytes.size();
      whole.push_back(parsed(line.bytes));
    }
    return whole;
  }

 private:
  std::vector<Line> lines_;
};

/// Says the broker's lines to one connection, each when the client has said what came before it.
class Player {
 public:
  explicit Player(BrokersHalf const& half) : half_(half) {}

  void greet(Session& session) { session.start_with(half_.lines()[next_++].bytes); }
  void receive(Session& session, Frame const& frame) {
    if (!is_steady(frame)) return;
    ++heard_;
    if (method_of(frame) == AMQP_CHANNEL_OPEN_METHOD) channels_.push_back(frame.channel);
    for (; next_ < half_.lines().size() && half_.lines()[next_].after <= heard_; ++next_) {
      auto const& line = half_.lines()[next_];
      auto bytes = line.bytes;
      if (line.opened > 0) store_big_endian(bytes.data() + 1, channels_.at(line.opened - 1));
      session.send(bytes);
    }
  }

 private:
  BrokersHalf const& half_;
  std::size_t next_ = 0;
  std::size_t heard_ = 0;
  std::vector<std::uint16_t> channels_;  // of the client, in the order in which it opened them
};

enum class Break { kReset, kHalfClose };

void PrintTo(Break how, std::ostream* out) { *out << (how == Break::kReset ? "Reset" : "HalfClose"); }

/// Of the first connection: it breaks after so many bytes from the broker, and not before the client has acked so many
/// messages.
struct Place {
  Break how;
  std::size_t bytes;
  std::size_t acks = 0;
};

/// A server of which the first connection is a recorded one that breaks, and all later ones are as `hook` says.
class BreakingServer {
 public:
  BreakingServer(BrokersHalf const& half, Place place, AmqpServer::Hook hook = {})
      : player_(half),
        place_(place),
        hook_(std::move(hook)),
        server_([this](Session& session, Frame const& frame) { return receive(session, frame); },
                [this](Session& session) { greet(session); }) {}

  [[nodiscard]] AmqpServer const& server() const noexcept { return server_; }
  /// The last tag that the client has acked on the first connection.
  [[nodiscard]] std::uint64_t acked() const noexcept { return acked_; }
  [[nodiscard]] Config config() const {
    auto config = session_config(server_.url());
    config.subscriptions["billing"].settle.messages = 1;
    config.connection.connect_timeout = 30s;
    config.connection.backoff_initial = config.connection.backoff_max = 1ms;
    return config;
  }

 private:
  void greet(Session& session) {
    if (session.number() > 1) return;
    player_.greet(session);
    if (place_.acks > 0) {
      session.stop_after_sent(place_.bytes);
    } else if (place_.how == Break::kReset) {
      session.cut_after_sent(place_.bytes);
    } else {
      session.half_close_after_sent(place_.bytes);
    }
  }
  bool receive(Session& session, Frame const& frame) {
    if (session.number() > 1) return hook_ && hook_(session, frame);
    player_.receive(session, frame);
    if (method_of(frame) != AMQP_BASIC_ACK_METHOD) return true;
    acked_ = load_big_endian<std::uint64_t>(frame.payload.data() + 4);
    if (acked_ == place_.acks) place_.how == Break::kReset ? session.reset() : session.half_close();
    return true;
  }

  Player player_;
  Place const place_;
  AmqpServer::Hook const hook_;
  std::atomic<std::uint64_t> acked_{0};
  AmqpServer server_;  // last: it calls the others
};

class Replay : public testing::TestWithParam<Break> {
 protected:
  /// A few places at once: most of the time of each is waiting for the other side.
  static void at_each_byte(std::function<void(std::size_t)> const& break_at) {
    constexpr int kAtOnce = 4;
    std::atomic<std::size_t> next{1};
    std::vector<std::jthread> workers;
    for (int i = 0; i < kAtOnce; ++i) {
      workers.emplace_back([&] {
        for (auto place = next.fetch_add(kStep); place <= kLastCut && !HasFailure(); place = next.fetch_add(kStep)) {
          break_at(place);
        }
      });
    }
  }
};
INSTANTIATE_TEST_SUITE_P(At4096Places, Replay, testing::Values(Break::kReset, Break::kHalfClose),
                         testing::PrintToStringParamName());

/// Of the messages that were published, what the broker has said about each.
struct Told {
  std::set<std::size_t> confirmed;
  std::set<std::size_t> returned;
};

Told told_within(BrokersHalf const& half, std::size_t bytes, std::vector<Message> const& messages) {
  Told told;
  std::string returned;
  for (auto const& frame : half.within(bytes)) {
    Properties properties;
    if (method_of(frame) == AMQP_BASIC_ACK_METHOD) {
      auto const tag = load_big_endian<std::uint64_t>(frame.payload.data() + 4);
      bool const is_multiple = (frame.payload[12] & 1) != 0;
      for (auto one = is_multiple ? std::uint64_t{1} : tag; one <= tag; ++one) told.confirmed.insert(one - 1);
    } else if (frame.type == AMQP_FRAME_HEADER && read_properties(frame.payload.substr(12), properties)) {
      returned = properties.message_id;
    } else if (frame.type == AMQP_FRAME_BODY) {
      auto const found = std::find_if(messages.begin(), messages.end(),
                                      [&](Message const& message) { return message.id == returned; });
      told.returned.insert(static_cast<std::size_t>(found - messages.begin()));
    }
  }
  return told;
}

TEST_P(Replay, WhatWasPublishedIsAnsweredTrulyAndAllElseIsPublishedOnTheNextConnection) {
  BrokersHalf const half("publish");
  auto const messages = messages_to_publish();
  auto const all = told_within(half, kLastCut, messages);
  ASSERT_GE(all.confirmed.size(), messages.size() / 4) << "the recording is about publishing";
  ASSERT_GE(all.returned.size(), messages.size() / 4);

  at_each_byte([&](std::size_t place) {
    SCOPED_TRACE("broken after byte " + std::to_string(place));
    BreakingServer breaking(half, {GetParam(), place});
    Client client(breaking.config(), LogLevel::kWarn);

    auto const results = client.broker->publisher("orders").value().publish_batch(messages);

    EXPECT_GE(breaking.server().accepted(), 2) << "it did break";
    EXPECT_FALSE(client.losses().empty());
    std::map<std::string, int> sent_again;
    std::string last;
    for (auto const& message : breaking.server().published()) {
      ++sent_again[message.id];
      EXPECT_LT(last, message.id) << "in their order";
      last = message.id;
    }
    auto const told = told_within(half, place, messages);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      auto const again = sent_again[messages[i].id];
      bool const is_answered = told.confirmed.contains(i) || told.returned.contains(i);
      if (is_answered) {
        // A client that writes into a reset connection may learn of its end before it has read the last answers.
        EXPECT_LE(again, GetParam() == Break::kReset ? 1 : 0) << i;
      } else {
        EXPECT_EQ(again, 1) << i;
      }
      auto const expected =
          again == 0 && told.returned.contains(i) ? PublishStatus::kUnroutable : PublishStatus::kConfirmed;
      EXPECT_EQ(publish_status(results[i]), expected) << i;
    }
  });
}

TEST_P(Replay, WhatWasConsumedCameWholeAndOnlyThatIsAckedAndTheNextConnectionGoesOn) {
  BrokersHalf const half("consume");
  auto const messages = messages_to_consume();
  auto const delivered_within = [&](std::size_t bytes) {
    auto const frames = half.within(bytes);
    return static_cast<std::size_t>(
        std::count_if(frames.begin(), frames.end(), [](auto& frame) { return frame.type == AMQP_FRAME_BODY; }));
  };
  ASSERT_GE(delivered_within(kLastCut), messages.size() / 4) << "the recording is about consuming";

  at_each_byte([&](std::size_t place) {
    SCOPED_TRACE("broken after byte " + std::to_string(place));
    auto const delivered = delivered_within(place);
    // Every other time when all of it was handled, and else in the middle of that.
    bool const is_late = place / 16 % 2 == 0;
    BreakingServer breaking(half, {GetParam(), place, is_late ? delivered : 0},
                            [](Session& session, Frame const& frame) {
                              if (method_of(frame) != AMQP_BASIC_CONSUME_METHOD) return false;
                              accept_consumer(session, frame.channel);
                              deliver(session, frame.channel, kNoProperties, 4, "last");
                              return true;
                            });
    test::Recorder recorder;
    Client client(breaking.config(), LogLevel::kWarn);

    auto billing = client.broker->subscribe("billing", recorder.handler()).value();
    EXPECT_TRUE(eventually([&] { return recorder.has("last"); })) << client.losses();

    EXPECT_GE(breaking.server().accepted(), 2) << "it did break";
    EXPECT_FALSE(client.losses().empty());
    auto handled = recorder.payloads();
    std::erase(handled, "last");
    EXPECT_LE(handled.size(), delivered);
    EXPECT_LE(breaking.acked(), handled.size());
    if (is_late) {
      EXPECT_EQ(breaking.acked(), delivered);
    }
    for (std::size_t i = 0; i < std::min(handled.size(), messages.size()); ++i) {
      EXPECT_EQ(handled[i], messages[i].payload);
    }
  });
}

}  // namespace
}  // namespace fairlead::amqp
