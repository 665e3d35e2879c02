#include "subscription_rig.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::test {
namespace {

class HandDrivenSource final : public Source {
 public:
  HandDrivenSource(std::shared_ptr<SourceJournal> journal, bool can_seek)
      : journal_(std::move(journal)), can_seek_(can_seek) {}
  ~HandDrivenSource() override { journal_->is_destroyed = true; }
  void settle(Lane lane, std::int64_t position) noexcept override {
    journal_->settled(lane, position);
    something_changed();
  }
  void room_available() noexcept override {
    ++journal_->room_calls;
    something_changed();
  }
  void stop_intake() noexcept override { ++journal_->intake_stops; }
  Result<void> seek(SeekTarget const& target, std::chrono::steady_clock::time_point deadline) override {
    if (!can_seek_) return Source::seek(target, deadline);
    ++journal_->seeks;
    return {};
  }
  Result<void> close(std::chrono::steady_clock::time_point) override {
    ++journal_->closes;
    return {};
  }

 private:
  std::shared_ptr<SourceJournal> journal_;
  bool can_seek_;
};

struct Buffer {
  SubscriptionRig::Parts parts;
  std::shared_ptr<std::atomic<int>> alive;
  static void release(void* self) noexcept {
    auto* const buffer = static_cast<Buffer*>(self);
    --*buffer->alive;
    delete buffer;
  }
};

std::string text_of(decltype(LogField::value) const& value) {
  if (auto const* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (auto const* number = std::get_if<double>(&value)) return std::to_string(*number);
  return std::get<bool>(value) ? "true" : "false";
}

}  // namespace

void SourceJournal::settled(Lane lane, std::int64_t position) {
  std::lock_guard const lock(mutex_);
  auto& highest = settled_[{lane.id, lane.epoch}];
  highest = std::max(highest, position);
}

std::int64_t SourceJournal::settled_up_to(Lane lane) const {
  std::lock_guard const lock(mutex_);
  auto const found = settled_.find({lane.id, lane.epoch});
  return found != settled_.end() ? found->second : 0;
}

Result<void> HandDrivenSink::publish(Outbound const& message, PendingPublish& pending) {
  if (refuses) return Error{Errc::kNotConnected, "refused by the test", true};
  {
    std::lock_guard const lock(mutex_);
    published_.push_back({std::string(message.payload), std::string(message.key), std::string(message.id),
                          std::string(message.idempotency_key), std::string(message.content_type),
                          std::string(message.routing_key), std::string(message.traceparent), *message.headers,
                          &pending});
  }
  something_changed();
  return {};
}

std::size_t HandDrivenSink::published() const {
  std::lock_guard const lock(mutex_);
  return published_.size();
}

HandDrivenSink::Published HandDrivenSink::at(std::size_t index) const {
  std::lock_guard const lock(mutex_);
  return published_.at(index);
}

void HandDrivenSink::confirm(std::size_t index) {
  CompletionBatch batch;
  batch.confirm(*at(index).pending, 0, 1);
  window_->complete(batch);
}

void HandDrivenSink::fail(std::size_t index) {
  CompletionBatch batch;
  batch.fail(*at(index).pending, Error{Errc::kConnectionLost, "lost by the test", true, true});
  window_->complete(batch);
}

bool RecordingLogger::is_enabled(std::string_view, LogLevel asked) const noexcept { return asked >= level.load(); }

void RecordingLogger::write(LogRecord const& record) noexcept {
  Record kept{record.level, std::string(record.logger), std::string(record.text), {}};
  for (auto const& field : record.fields) kept.fields[std::string(field.name)] = text_of(field.value);
  {
    std::lock_guard const lock(mutex_);
    records_.push_back(std::move(kept));
  }
  something_changed();
}

std::vector<RecordingLogger::Record> RecordingLogger::records(std::string_view logger) const {
  std::lock_guard const lock(mutex_);
  std::vector<Record> chosen;
  std::copy_if(records_.begin(), records_.end(), std::back_inserter(chosen),
               [&](Record const& record) { return record.logger == logger; });
  return chosen;
}

SubscriptionRig::SubscriptionRig(Options options, Handler handler)
    : completions_("completions", [w = window] {
        while (w->run_completions(in(std::chrono::hours(1)))) {
        }
      }) {
  SubscriptionSetup setup;
  setup.spec.subscription = "billing";
  setup.spec.destination.name = "orders";
  setup.spec.group.name = "billing";
  setup.spec.config = options.config;
  setup.handler = std::move(handler);
  setup.batch_handler = std::move(options.batch_handler);
  for (std::size_t i = 0; i < options.config.retry.tiers.size(); ++i) {
    setup.retries.push_back(tiers.emplace_back(std::make_shared<HandDrivenSink>(window)));
  }
  if (options.store) {
    setup.deduplicator =
        std::make_shared<Deduplicator>(options.store, Deduplicator::scope_of("shop", "orders", "billing"),
                                       std::chrono::minutes(2), std::chrono::hours(24));
  }
  setup.logger = logger;
  if (options.dead_letter) setup.dead_letter = dead_letters;
  setup.window = window;
  setup.trace = options.trace;
  setup.close_timeout = options.close_timeout;
  setup.seed = 1;
  core = SubscriptionCore::make(std::move(setup));
  intake().open_lane(kLane);
  core->attach(std::make_unique<HandDrivenSource>(journal, options.can_seek)).value();
}

SubscriptionRig::~SubscriptionRig() {
  window->close();
  window->abandon_all();
  core.reset();
}

void SubscriptionRig::deliver(std::vector<Parts> const& messages, Lane lane) {
  InboundList batch;
  for (auto const& parts : messages) {
    Inbound& message = intake().acquire();
    auto* const buffer = new Buffer{parts, buffers_};
    ++*buffers_;
    message.buffer = BufferRef(buffer, Buffer::release);
    message.lane = lane;
    message.partition = lane.id;
    message.position = ++positions_[lane.id];
    message.payload = buffer->parts.payload;
    message.key = buffer->parts.key;
    message.expires_at_ms = parts.expires_at_ms;
    for (auto const& [name, value] : buffer->parts.headers) message.take_header(name, value);
    batch.push(message);
  }
  intake().deliver(batch);
}

void SubscriptionRig::deliver_keys(std::vector<std::string> const& keys, Lane lane) {
  std::vector<Parts> messages;
  for (auto const& key : keys) messages.push_back({.key = key});
  deliver(messages, lane);
}

}  // namespace fairlead::test
