#pragma once

#include <fairlead/config.hpp>
#include <fairlead/message.hpp>

#include <string>
#include <vector>

// Sessions with a real RabbitMQ, one that publishes and one that consumes: what record_session.cpp writes down and
// replay_test.cpp plays the broker's half of.
namespace fairlead::amqp {

/// A frame as it was on the wire; the client's first one is the protocol header.
struct RecordedFrame {
  bool is_from_broker = false;
  std::string bytes;
};
using Recording = std::vector<RecordedFrame>;

/// One line per frame, `B` or `C` and its bytes in hex; lines that begin with `#` are for people. Throws.
[[nodiscard]] Recording read_recording(std::string const& path);
void write_recording(std::string const& path, std::string const& comment, Recording const& recording);

// --- the client's part, the same in the recording and in the replay

/// `orders`, of which the group `billing` is sent what has `order.` at the front of its routing key.
[[nodiscard]] Config session_config(std::string broker_url);

/// 32 messages with fixed ids. Of those that are published, every second one has no queue.
[[nodiscard]] std::vector<Message> messages_to_publish();
[[nodiscard]] std::vector<Message> messages_to_consume();
[[nodiscard]] inline bool is_routable(std::size_t i) noexcept { return i % 2 == 0; }

}  // namespace fairlead::amqp
