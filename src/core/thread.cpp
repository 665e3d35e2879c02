#include "core/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <string>
#include <system_error>
#include <utility>

namespace fairlead {

struct Thread::State {
  pthread_t handle{};
};

namespace {

struct Start {
  std::string name;
  std::function<void()> body;
};

void* run(void* argument) {
  std::unique_ptr<Start> const start(static_cast<Start*>(argument));
  pthread_setname_np(pthread_self(), start->name.c_str());
  start->body();
  return nullptr;
}

}  // namespace

Thread::Thread() noexcept = default;
Thread::Thread(Thread&&) noexcept = default;

Thread::Thread(std::string_view name, std::function<void()> body, std::size_t stack_bytes)
    : state_(std::make_unique<State>()) {
  // The kernel keeps 15 characters of a thread's name.
  auto start = std::make_unique<Start>(Start{std::string(name.substr(0, 15)), std::move(body)});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack_bytes > 0) pthread_attr_setstacksize(&attributes, stack_bytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
  int const status = pthread_create(&state_->handle, &attributes, run, start.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (status != 0) {
    state_.reset();
    throw std::system_error(status, std::generic_category(), "cannot start a thread");
  }
  (void)start.release();  // owned by the thread now
}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this != &other) {
    if (joinable()) join();
    state_ = std::move(other.state_);
  }
  return *this;
}

Thread::~Thread() {
  if (joinable()) join();
}

void Thread::join() {
  pthread_join(state_->handle, nullptr);
  state_.reset();
}

void Thread::detach() {
  pthread_detach(state_->handle);
  state_.reset();
}

bool Thread::is_current() const noexcept { return joinable() && pthread_equal(state_->handle, pthread_self()) != 0; }

}  // namespace fairlead
