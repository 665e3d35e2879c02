#include "cli/dlq_actions.hpp"
#include "cli/dlq_reading.hpp"
#include "cli/dlq_run.hpp"
#include "config/plan.hpp"
#include "core/ids.hpp"
#include "core/wire_names.hpp"
#include "observe/redact.hpp"

#include <atomic>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace fairlead::cli {
namespace {

/// What the copy of a dead letter is published with: all that its publisher said.
PublishOptions options_of(Delivery const& delivery) {
  PublishOptions options;
  options.key = delivery.key();
  options.id = delivery.id();
  if (delivery.idempotency_key() != delivery.id()) options.idempotency_key = delivery.idempotency_key();
  options.routing_key = delivery.routing_key();
  options.content_type = delivery.content_type();
  return options;
}

/// Handles the dead letters of a redrive or purge: a dead letter is settled after its copy was confirmed. Thread-safe.
class Clearing {
 public:
  Clearing(DeadLetterRun& run, std::optional<Publisher> group, Publisher dead_letters)
      : run_(run), group_(std::move(group)), dead_letters_(std::move(dead_letters)) {}

  Outcome handle(Delivery const& delivery) {
    auto const verdict = run_.decide(delivery);
    auto outcome = carry_out(verdict, delivery);
    if (run_.is_cut_short()) StopSignal::raise();
    return outcome;
  }

  [[nodiscard]] long taken() const { return taken_; }
  [[nodiscard]] long put_back() const { return put_back_; }
  [[nodiscard]] long failed() const { return failed_; }

 private:
  Outcome carry_out(DeadLetterRun::Verdict verdict, Delivery const& delivery) {
    switch (verdict) {
      case DeadLetterRun::Verdict::kLeave: return leave_it();
      case DeadLetterRun::Verdict::kPutBack: return put_back(delivery);
      case DeadLetterRun::Verdict::kTake: break;
    }
    if (group_) {
      auto options = options_of(delivery);
      for (auto const& header : delivery.headers()) {
        if (!wire::is_envelope(header.name)) options.headers.set(header.name, header.value);
      }
      if (auto const sent = group_->publish(delivery.payload(), options); !sent) {
        fail(delivery, sent.error());
        return put_back(delivery);
      }
    }
    ++taken_;
    return ack();
  }

  Outcome put_back(Delivery const& delivery) {
    auto options = options_of(delivery);
    for (auto const& header : delivery.headers()) options.headers.set(header.name, header.value);
    options.headers.set(DeadLetterRun::kPutBackBy, run_.name());
    if (auto const sent = dead_letters_.publish(delivery.payload(), options); !sent) {
      fail(delivery, sent.error());
      return leave_it();
    }
    ++put_back_;
    return ack();
  }

  /// Whatever is wrong, the next one would fail as well.
  void fail(Delivery const& delivery, Error const& error) {
    run_.cut_short();
    ++failed_;
    std::lock_guard const lock(output_);
    std::cerr << "fairlead: " + std::string(delivery.id()) + ": " + redact(error.message) + "\n";
  }

  DeadLetterRun& run_;
  std::optional<Publisher> group_;  // none: a purge
  Publisher dead_letters_;
  std::atomic<long> taken_{0};
  std::atomic<long> put_back_{0};
  std::atomic<long> failed_{0};
  std::mutex output_;
};

}  // namespace

int clear_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                       DeadLetterFilter const& filter, std::chrono::milliseconds idle) {
  bool const is_redrive = command.action == DlqCommand::Action::kRedrive;
  auto const& destination = command.target.destination;
  std::optional<Publisher> group;
  if (is_redrive) {
    auto opened = broker.publisher(retry_name(destination, command.group, std::chrono::milliseconds(0)));
    if (!opened) return report(opened.error());
    group = *std::move(opened);
  }
  auto dead_letters = broker.publisher(dead_letter_name(destination, command.group));
  if (!dead_letters) return report(dead_letters.error());

  std::string name;
  make_message_id(name);
  DeadLetterRun run(filter, name, command.max, std::chrono::system_clock::now());
  Clearing clearing(run, std::move(group), *std::move(dead_letters));
  auto const read = read_dead_letters(broker, signal, command, idle,
                                      [&](Delivery const& delivery) { return clearing.handle(delivery); });
  int const code = read ? kOk : report(read.error());
  std::cerr << (is_redrive ? "redriven " : "purged ") << clearing.taken() << " put back " << clearing.put_back()
            << " failed " << clearing.failed() << '\n';
  return clearing.failed() > 0 ? kFailed : code;
}

}  // namespace fairlead::cli
