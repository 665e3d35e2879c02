#include "amqp/connection.hpp"

#include "amqp/amqp_error.hpp"

#include <poll.h>

#include <array>
#include <string>
#include <utility>

namespace fairlead::amqp {

namespace {

// rabbitmq-c's decoders recurse; the default stack of musl, or of a small ulimit, is not enough for what a peer may
// send in one frame.
constexpr std::size_t kStackBytes = std::size_t{8} << 20;
// What time alone does not cure is tried again this slowly, so that no account is locked by it.
constexpr std::chrono::milliseconds kSlowRetry{5'000};
constexpr std::chrono::milliseconds kDestructorPatience{1'000};

/// Waiting does not help: somebody has to change something.
bool is_permanent(Error const& error) noexcept { return !error.retryable && error.code != Errc::kClosed; }

Error closed_error() { return {Errc::kClosed, "the broker object was closed", false, true, 0}; }

Error blocked_error(std::string_view reason) {
  return {Errc::kBlocked,
          "the broker has blocked publishers: " + std::string(reason) +
              " (its vm_memory_high_watermark or disk_free_limit); publishes wait until their deadline",
          true, false, 0};
}

}  // namespace

Connection::Connection(ConnectionSettings settings, Logger& logger)
    : settings_(std::move(settings)),
      logger_(logger),
      policy_(settings_.hosts, settings_.backoff, random_seed()),
      now_(Clock::now()) {
  thread_ = Thread(
      "fairlead-amqp", [this] { run(); }, kStackBytes);
}

Connection::~Connection() { close(Clock::now() + kDestructorPatience); }

Result<void> Connection::wait_open(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return is_open_told_ || (last_error_ && is_permanent(*last_error_)); });
  if (is_open_told_) return {};
  if (last_error_) return *last_error_;
  auto const& host = settings_.hosts.front();
  return Error{Errc::kNotConnected,
               host.host + ":" + std::to_string(host.port) + ": no answer within `connection.connect_timeout`", true,
               false, 0};
}

BrokerHealth Connection::health() const {
  std::lock_guard const lock(mutex_);
  if (!is_open_told_) return {ConnectionState::kConnecting, last_error_, reconnects_};
  return {blocked_ ? ConnectionState::kBlocked : ConnectionState::kConnected, blocked_, reconnects_};
}

void Connection::close(TimePoint deadline) {
  std::lock_guard const lock(close_mutex_);
  if (!thread_.joinable()) return;
  // Not taken only when the thread has ended already.
  [[maybe_unused]] bool const taken =
      mailbox_->post([deadline](Connection& connection) { connection.begin_closing(deadline); });
  thread_.join();
}

void Connection::run() {
  plan_attempt(std::chrono::milliseconds{0});
  for (;;) {
    now_ = Clock::now();
    take_mail();
    if (!link_ && !is_closing_ && now_ >= attempt_at_) start_attempt();
    if (timer_ <= now_) run_timers();
    if (link_) {
      if (auto const error = link_->advance(is_readable_, now_)) end_link(*error);
    }
    detached_.clear();
    if (is_finished()) break;
    sleep();
  }
  mailbox_->close();
  link_.reset();
  take_mail();  // commands that came in last still get their answer
  lose_channels(closed_error());
  slots_.clear();
  detached_.clear();
}

bool Connection::is_finished() const noexcept {
  return is_closing_ && (!link_ || link_->is_closed() || now_ >= close_deadline_);
}

void Connection::take_mail() {
  mailbox_->collect(mail_);
  for (auto& command : mail_.commands) command(*this);
  for (auto& channel : mail_.raised) channel->on_raised();
  mail_.commands.clear();
  mail_.raised.clear();
}

void Connection::begin_closing(TimePoint deadline) {
  if (is_closing_) return;
  is_closing_ = true;
  close_deadline_ = deadline;
  lose_channels(closed_error());
  if (is_open()) {
    link_->begin_close();
  } else {
    link_.reset();
  }
}

void Connection::plan_attempt(std::chrono::milliseconds at_least) {
  auto attempt = policy_.next(at_least);
  next_host_ = std::move(attempt.host);
  attempt_at_ = now_ + attempt.delay;
}

void Connection::start_attempt() {
  is_readable_ = false;
  LinkEvents& events = *this;
  link_ = std::make_unique<Link>(
      settings_, next_host_, chunks_, events, [mailbox = mailbox_] { mailbox->notify(); }, now_);
}

void Connection::end_link(Error const& error) {
  bool const was_open = link_->is_open();
  if (was_open) {
    policy_.lost(now_);
    if (bulk_ != nullptr) bulk_->on_unwritten(link_->bulk_left());
    lose_channels(error);
  } else {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (auto const channel = slots_[i].channel) channel->on_not_connected(error);
    }
  }
  link_.reset();
  is_blocked_ = false;
  for (auto& slot : slots_) slot.is_retired = false;
  plan_attempt(is_permanent(error) ? kSlowRetry : std::chrono::milliseconds{0});
  {
    std::lock_guard const lock(mutex_);
    is_open_told_ = false;
    last_error_ = error;
    blocked_.reset();
  }
  changed_.notify_all();
  if (!is_closing_) {
    log(LogLevel::kWarn, was_open ? "connection lost" : "cannot connect", error.message,
        std::chrono::ceil<std::chrono::milliseconds>(attempt_at_ - now_));
  }
}

void Connection::lose_channels(Error const& error) {
  touched_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (auto const channel = slots_[i].channel) channel->lose(error);
  }
}

void Connection::run_timers() {
  timer_ = TimePoint::max();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto const channel = slots_[i].channel;
    if (!channel) continue;
    channel->advance_clock(now_);
    schedule(channel->timer());
  }
}

void Connection::sleep() {
  auto deadline = std::min(timer_, close_deadline_);
  if (link_) {
    deadline = std::min(deadline, link_->next_deadline());
  } else {
    deadline = std::min(deadline, attempt_at_);
  }
  std::array<pollfd, 2> fds{pollfd{mailbox_->fd(), POLLIN, 0}, pollfd{-1, 0, 0}};
  if (link_ && link_->fd() >= 0) fds[1] = {link_->fd(), link_->wanted(), 0};

  timespec wait{0, 0};
  auto const left = deadline - Clock::now();
  bool const sleeps = left.count() > 0 && mailbox_->prepare_sleep();
  if (sleeps && deadline != TimePoint::max()) {
    auto const seconds = std::chrono::floor<std::chrono::seconds>(left);
    wait.tv_sec = seconds.count();
    wait.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
  }
  ::ppoll(fds.data(), fds.size(), sleeps && deadline == TimePoint::max() ? nullptr : &wait, nullptr);
  if (left.count() > 0) mailbox_->end_sleep();
  is_readable_ = (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

Result<void> Connection::attach(std::shared_ptr<Channel> channel) {
  if (is_closing_) return closed_error();
  auto const limit = std::size_t{is_open() ? link_->channel_max() : settings_.channel_max};
  std::size_t index = 0;
  while (index < slots_.size() && (slots_[index].channel || slots_[index].is_retired)) ++index;
  if (index >= limit) {
    return Error{Errc::kUnsupported,
                 "all " + std::to_string(limit) +
                     " channels of the connection are in use: raise `channel_max` in the broker URL and on the broker",
                 false, false, 0};
  }
  if (index == slots_.size()) slots_.emplace_back();
  slots_[index].channel = std::move(channel);
  slots_[index].channel->attach(*this, static_cast<std::uint16_t>(index + 1));
  if (is_open()) {
    slots_[index].channel->open();
  } else if (last_error_) {
    slots_[index].channel->on_not_connected(*last_error_);
  }
  return {};
}

void Connection::detach(Channel& channel, bool is_closed) {
  auto const index = std::size_t{channel.number()} - 1u;
  if (index >= slots_.size() || slots_[index].channel.get() != &channel) return;
  detached_.push_back(std::move(slots_[index].channel));
  slots_[index].is_retired = !is_closed && is_open();
  std::replace(touched_.begin(), touched_.end(), &channel, static_cast<Channel*>(nullptr));
}

void Connection::on_open() {
  policy_.connected(now_);
  is_blocked_ = false;
  log(LogLevel::kInfo, "connected", link_->name());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (auto const channel = slots_[i].channel) channel->open();
  }
  {
    std::lock_guard const lock(mutex_);
    is_open_told_ = true;
    last_error_.reset();
    if (std::exchange(was_open_, true)) ++reconnects_;
  }
  changed_.notify_all();
}

void Connection::on_frame(Frame const& frame) {
  auto const index = std::size_t{frame.channel} - 1u;
  if (index < slots_.size()) {
    if (slots_[index].channel) return slots_[index].channel->receive(frame);
    if (slots_[index].is_retired) {
      bool const is_close_ok = frame.type == AMQP_FRAME_METHOD && frame.payload.size() >= sizeof(std::uint32_t) &&
                               load_big_endian<std::uint32_t>(frame.payload.data()) == AMQP_CHANNEL_CLOSE_OK_METHOD;
      slots_[index].is_retired = !is_close_ok;
      return;
    }
  }
  fail(protocol_error("frame on unknown channel " + std::to_string(frame.channel)));
}

void Connection::on_read_end() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    if (touched_[i] != nullptr) touched_[i]->on_read_end();
  }
  touched_.clear();
  pool_.recycle();
}

void Connection::on_blocked(bool is_blocked, std::string_view reason) {
  is_blocked_ = is_blocked;
  {
    std::lock_guard const lock(mutex_);
    blocked_.reset();
    if (is_blocked) blocked_ = blocked_error(reason);
  }
  if (bulk_ != nullptr) bulk_->on_blocked();
  log(LogLevel::kWarn, is_blocked ? "the broker has blocked publishers" : "the broker has unblocked publishers",
      reason);
}

std::string_view Connection::next_bulk() {
  return bulk_ != nullptr && !is_blocked_ ? bulk_->next_bulk() : std::string_view{};
}

void Connection::log(LogLevel level, std::string_view text, std::string_view reason,
                     std::chrono::milliseconds retry_in) {
  if (!logger_.is_enabled("connection", level)) return;
  std::array const fields{LogField{"broker", reason}, LogField{"retry_in_ms", std::int64_t{retry_in.count()}}};
  bool const is_failure = level == LogLevel::kWarn && retry_in.count() > 0;
  logger_.write({level, "connection", text, std::span(fields).first(is_failure ? 2 : 1)});
}

}  // namespace fairlead::amqp
