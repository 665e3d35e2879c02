#include <fairlead/publisher.hpp>

#include "core/ids.hpp"
#include "core/wire_names.hpp"
#include "observe/trace.hpp"
#include "publish/publisher_core.hpp"
#include "publish_rig.hpp"
#include "support/fake_sink.hpp"
#include "support/notebook.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::Answers;
using test::FakeSink;
using test::Notebook;
using test::RunningWindow;

struct Rig {
  explicit Rig(std::size_t window_messages = 100, LogLevel level = LogLevel::kInfo)
      : notebook(std::make_shared<Notebook>(level)),
        running(window_messages, 1'000'000, notebook),
        sink(std::make_shared<FakeSink>(running.window)) {
    setup.destination = "orders";
    setup.capabilities.priority = {Support::kImpossible, "it has none"};
    setup.logger = notebook;
    setup.window = running.window;
    setup.sink = sink;
  }
  [[nodiscard]] Publisher publisher() const { return Publisher(std::make_shared<PublisherCore>(setup)); }

  std::shared_ptr<Notebook> notebook;
  RunningWindow running;
  std::shared_ptr<FakeSink> sink;
  PublisherSetup setup;
};

TEST(Publisher, WaitsForTheConfirmAndTellsWhereTheMessageIs) {
  Rig rig;
  auto const receipt = rig.publisher().publish("hello", {.id = "my id"}).value();
  EXPECT_EQ(receipt.id, "my id");
  EXPECT_EQ(receipt.partition, 2);
  EXPECT_EQ(receipt.position, 40);
}

TEST(Publisher, HandsEverythingOver) {
  Rig rig;
  rig.setup.capabilities.priority = {};
  Message message;
  message.payload = "hello";
  message.key = "k";
  message.headers.set("tenant", "north");
  message.id = "my id";
  message.idempotency_key = "effect";
  message.routing_key = "eu.created";
  message.content_type = "text/plain";
  message.time_to_live = 5s;
  message.priority = std::uint8_t{7};
  rig.publisher().publish(message).value();
  auto const sent = rig.sink->sent().at(0);
  EXPECT_EQ(sent.payload, "hello");
  EXPECT_EQ(sent.key, "k");
  EXPECT_EQ(sent.headers, message.headers);
  EXPECT_EQ(sent.id, "my id");
  EXPECT_EQ(sent.idempotency_key, "effect");
  EXPECT_EQ(sent.routing_key, "eu.created");
  EXPECT_EQ(sent.content_type, "text/plain");
  EXPECT_EQ(sent.time_to_live, 5s);
  EXPECT_EQ(sent.priority, std::uint8_t{7});
}

TEST(Publisher, StampsIdTimeAndTrace) {
  Rig rig;
  auto const before = std::chrono::system_clock::now();
  auto const receipt = rig.publisher().publish("hello").value();
  auto const sent = rig.sink->sent().at(0);
  EXPECT_EQ(receipt.id.size(), 36U);
  EXPECT_EQ(sent.id, receipt.id);
  EXPECT_TRUE(is_traceparent(sent.traceparent));
  auto const stamped = std::chrono::system_clock::time_point(std::chrono::milliseconds(sent.timestamp_ms));
  EXPECT_GE(stamped + 1ms, before);
  EXPECT_LE(stamped, std::chrono::system_clock::now());
  EXPECT_NE(rig.publisher().publish("again").value().id, receipt.id);
}

TEST(Publisher, StampsNothingThatIsSwitchedOff) {
  Rig rig;
  rig.setup.message_ids = false;
  rig.setup.trace = false;
  EXPECT_EQ(rig.publisher().publish("hello").value().id, "");
  EXPECT_EQ(rig.sink->sent().at(0).id, "");
  EXPECT_EQ(rig.sink->sent().at(0).traceparent, "");
}

TEST(Publisher, ContinuesTheTraceOfTheHandlerThatPublishes) {
  Rig rig;
  std::string const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  {
    TraceScope const scope(parent);
    rig.publisher().publish("inside").value();
  }
  rig.publisher().publish("outside").value();
  auto const sent = rig.sink->sent();
  EXPECT_EQ(trace_id_of(sent[0].traceparent), trace_id_of(parent));
  EXPECT_NE(sent[0].traceparent, parent);
  EXPECT_NE(trace_id_of(sent[1].traceparent), trace_id_of(parent));
}

TEST(Publisher, IdempotencyKeyThatIsTheIdIsNotSentTwice) {
  Rig rig;
  rig.publisher().publish("hello", {.id = "a", .idempotency_key = "a"}).value();
  EXPECT_EQ(rig.sink->sent().at(0).idempotency_key, "");
}

TEST(Publisher, RefusesWhatTheBrokerCannotDoWithTheReason) {
  Rig rig;
  auto const refused = rig.publisher().publish("hello", {.priority = std::uint8_t{1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_NE(refused.error().message.find("it has none"), std::string::npos);
  EXPECT_TRUE(rig.sink->sent().empty());
}

TEST(Publisher, MessageRefusedAtOnceIsAnsweredOnTheCallingThread) {
  Rig rig;
  PublishOptions options;
  options.headers.set(wire::kMessageId, "mine");
  std::optional<std::thread::id> thread;
  rig.publisher().publish_async("hello", options, [&](Result<Receipt> const& result) {
    EXPECT_EQ(publish_status(result), PublishStatus::kNotPersisted);
    thread = std::this_thread::get_id();
  });
  EXPECT_EQ(thread, std::this_thread::get_id());
  EXPECT_EQ(rig.running.window->pending(), 0U);
}

TEST(Publisher, MessageThatTheBackendRefusesIsNotPersistedAndLeavesNoSlotBehind) {
  Rig rig;
  rig.sink->refusal = Error{Errc::kClosed, "closed"};
  auto const result = rig.publisher().publish("hello");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kClosed);
  Answers answers;
  rig.publisher().publish_async("hello", {}, answers.completion());
  ASSERT_EQ(answers.results().size(), 1U);
  EXPECT_EQ(publish_status(answers.results()[0]), PublishStatus::kNotPersisted);
  EXPECT_EQ(rig.running.window->pending(), 0U);
}

TEST(Publisher, PublishEndsAtItsDeadlineAsUnknown) {
  Rig rig;
  rig.sink->confirms = false;
  auto const began = std::chrono::steady_clock::now();
  auto const result = rig.publisher().publish("hello", {.deadline = 40ms});
  EXPECT_GE(std::chrono::steady_clock::now() - began, 40ms);
  EXPECT_EQ(publish_status(result), PublishStatus::kUnknown);
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  rig.sink->confirm(rig.sink->sent().at(0).pending);
  EXPECT_EQ(rig.running.window->pending(), 0U);
}

TEST(Publisher, DeadlineMayBeForEver) {
  Rig rig;
  EXPECT_TRUE(rig.publisher().publish("hello", {.deadline = std::chrono::milliseconds::max()}));
  EXPECT_TRUE(rig.publisher().flush(std::chrono::milliseconds::max()));
}

TEST(Publisher, FullWindowAnswersWouldBlockToWhoDoesNotWait) {
  Rig rig(1);
  rig.sink->confirms = false;
  Answers answers;
  rig.publisher().publish_async("first", {}, answers.completion());
  auto const refused = rig.publisher().publish("second", {.wait_for_room = false});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kWouldBlock);
  rig.sink->confirm(rig.sink->sent().at(0).pending);
  ASSERT_TRUE(answers.wait_for(1));
}

TEST(Publisher, CallsThatWaitAreRefusedInsideACompletion) {
  Rig rig;
  auto publisher = rig.publisher();
  Answers answers;
  std::optional<Errc> sync;
  std::optional<Errc> flush;
  std::optional<Errc> batch;
  publisher.publish_async("first", {}, [&](Result<Receipt> const& result) {
    sync = publisher.publish("inside").error().code;
    flush = publisher.flush(1s).error().code;
    std::vector<Message> const messages(1);
    batch = publisher.publish_batch(messages).at(0).error().code;
    publisher.publish_async("second", {}, answers.completion());
    answers.add(result);
  });
  ASSERT_TRUE(answers.wait_for(2));
  EXPECT_EQ(sync, Errc::kInvalidArgument);
  EXPECT_EQ(flush, Errc::kInvalidArgument);
  EXPECT_EQ(batch, Errc::kInvalidArgument);
  EXPECT_EQ(rig.sink->sent().size(), 2U);
}

TEST(Publisher, CompletionMayBeEmpty) {
  Rig rig;
  rig.publisher().publish_async("hello", {}, {});
  rig.sink->refusal = Error{Errc::kClosed, "closed"};
  rig.publisher().publish_async("hello", {}, {});
  EXPECT_TRUE(rig.publisher().flush(20s));
  EXPECT_EQ(rig.running.window->pending(), 0U);
}

TEST(Publisher, BatchAnswersInTheOrderOfItsMessages) {
  Rig rig(3);
  std::vector<Message> messages(10);
  for (std::size_t i = 0; i < messages.size(); ++i) messages[i].id = std::to_string(i);
  messages[4].headers.set(wire::kTraceparent, "refused");
  auto const results = rig.publisher().publish_batch(messages);
  ASSERT_EQ(results.size(), messages.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i == 4) {
      EXPECT_EQ(publish_status(results[i]), PublishStatus::kNotPersisted);
    } else {
      EXPECT_EQ(results[i].value().id, std::to_string(i));
    }
  }
  EXPECT_TRUE(rig.publisher().publish_batch({}).empty());
}

TEST(Publisher, OutlivesWhatItPublishedTo) {
  std::optional<Publisher> publisher;
  {
    Rig rig;
    publisher = rig.publisher();
  }
  auto const result = publisher->publish("hello");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kClosed);
}

TEST(PublishStatus, TellsTheFourWaysAPublishEnds) {
  EXPECT_EQ(publish_status(Receipt{}), PublishStatus::kConfirmed);
  EXPECT_EQ(publish_status(Error{Errc::kRefused, ""}), PublishStatus::kNotPersisted);
  EXPECT_EQ(publish_status(Error{Errc::kTimeout, "", true, true}), PublishStatus::kUnknown);
  EXPECT_EQ(publish_status(Error{Errc::kUnroutable, ""}), PublishStatus::kUnroutable);
  EXPECT_EQ(publish_status(Error{Errc::kUnroutable, "", false, true}), PublishStatus::kUnknown);
  EXPECT_EQ(to_string(PublishStatus::kConfirmed), "confirmed");
  EXPECT_EQ(to_string(PublishStatus::kNotPersisted), "not_persisted");
  EXPECT_EQ(to_string(PublishStatus::kUnknown), "unknown");
  EXPECT_EQ(to_string(PublishStatus::kUnroutable), "unroutable");
}

TEST(PublishLog, EachPublishIsOneRecordAtDebug) {
  Rig rig(100, LogLevel::kDebug);
  rig.publisher().publish("hello", {.key = "k", .id = "one"}).value();
  rig.sink->refusal = Error{Errc::kRefused, "the disk is full"};
  (void)rig.publisher().publish("hello", {.id = "two"});
  PublishOptions invalid;
  invalid.headers.set("", "");
  (void)rig.publisher().publish("hello", invalid);
  auto const records = rig.notebook->entries("publish");
  ASSERT_EQ(records.size(), 3U);
  auto const& confirmed = records[0].fields;
  EXPECT_EQ(records[0].level, LogLevel::kDebug);
  EXPECT_EQ(confirmed.at("trace_id"), trace_id_of(rig.sink->sent().at(0).traceparent));
  EXPECT_EQ(confirmed.at("destination"), "orders");
  EXPECT_EQ(confirmed.at("message_id"), "one");
  EXPECT_EQ(confirmed.at("key"), "k");
  EXPECT_EQ(confirmed.at("result"), "confirmed");
  EXPECT_TRUE(confirmed.contains("duration_ms"));
  EXPECT_TRUE(confirmed.contains("position"));
  EXPECT_EQ(records[1].fields.at("message_id"), "two");
  EXPECT_EQ(records[1].fields.at("result"), "not_persisted");
  EXPECT_EQ(records[1].fields.at("error.type"), to_string(Errc::kRefused));
  EXPECT_EQ(records[1].fields.at("error"), "the disk is full");
  EXPECT_EQ(records[2].fields.at("result"), "not_persisted");
}

TEST(PublishLog, NothingIsRecordedWhenTheLevelIsOff) {
  Rig rig(100, LogLevel::kInfo);
  rig.publisher().publish("hello").value();
  EXPECT_TRUE(rig.notebook->entries("publish").empty());
}

}  // namespace
}  // namespace fairlead
