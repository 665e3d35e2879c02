#include "cli/dlq_actions.hpp"
#include "cli/dlq_print.hpp"
#include "cli/dlq_reading.hpp"
#include "cli/json_message.hpp"

#include <cstdio>
#include <iostream>
#include <string>

namespace fairlead::cli {
namespace {

/// Prints what matches. One handler at a time.
class Viewer {
 public:
  Viewer(DlqCommand const& command, DeadLetterFilter const& filter) : command_(command), filter_(filter) {}

  Outcome look_at(Delivery const& delivery) {
    if (is_over_) return leave_it();
    ++held_;
    held_bytes_ += delivery.payload().size();
    if (filter_.matches(delivery)) print(delivery);
    is_incomplete_ = held_ >= kMostHeld || held_bytes_ >= kMostBytesHeld;
    bool const is_enough = command_.max > 0 && printed_ == command_.max;
    is_over_ = is_broken_ || is_incomplete_ || is_enough;
    if (is_over_) StopSignal::raise();
    return leave_it();
  }

  [[nodiscard]] long printed() const noexcept { return printed_; }
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }
  /// It ended because no more can be held.
  [[nodiscard]] bool is_incomplete() const noexcept { return is_incomplete_; }

 private:
  void print(Delivery const& delivery) {
    std::string text;
    if (command_.json) {
      text = to_json_line(delivery) + "\n";
    } else if (command_.action == DlqCommand::Action::kShow) {
      text = dead_letter_details(delivery);
    } else {
      text = (printed_ == 0 ? dead_letter_heading() : "") + dead_letter_row(delivery);
    }
    is_broken_ = std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0;
    if (!is_broken_) ++printed_;
  }

  DlqCommand const& command_;
  DeadLetterFilter const& filter_;
  long printed_ = 0;
  int held_ = 0;
  std::size_t held_bytes_ = 0;
  bool is_over_ = false;
  bool is_broken_ = false;
  bool is_incomplete_ = false;
};

char const* counted_as(DlqCommand const& command) {
  switch (command.action) {
    case DlqCommand::Action::kRedrive: return "would redrive ";
    case DlqCommand::Action::kPurge: return "would purge ";
    default: return "listed ";
  }
}

}  // namespace

int look_at_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                         DeadLetterFilter const& filter, std::chrono::milliseconds idle) {
  Viewer viewer(command, filter);
  auto const read = read_dead_letters(broker, signal, command, idle,
                                      [&](Delivery const& delivery) { return viewer.look_at(delivery); });
  if (viewer.is_broken()) return report({Errc::kInternal, "cannot write to standard output"});
  if (!read) return report(read.error());
  if (command.action == DlqCommand::Action::kShow) {
    if (viewer.printed() > 0) return kOk;
    std::cerr << "fairlead: no dead letter of this group has the id '" << *command.choice.id << "'\n";
    return kFailed;
  }
  if (viewer.is_incomplete()) {
    std::cerr << "fairlead: there may be more: one look holds " << kMostHeld << " dead letters, or "
              << (kMostBytesHeld >> 20) << " MiB of them, at most\n";
  }
  std::cerr << counted_as(command) << viewer.printed() << '\n';
  return kOk;
}

}  // namespace fairlead::cli
