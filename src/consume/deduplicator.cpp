#include "consume/deduplicator.hpp"

#include "core/ids.hpp"
#include "core/seeded_fault.hpp"

#include <exception>

namespace fairlead {

namespace {

/// A store may be the application's own, and what it throws must not end a worker.
template <class F>
auto ask_store(F const& ask) -> decltype(ask()) {
  try {
    return ask();
  } catch (std::exception const& thrown) {
    return Error{Errc::kInternal, std::string("the idempotency store threw: ") + thrown.what(), true, true};
  } catch (...) {
    return Error{Errc::kInternal, "the idempotency store threw something that is not a std::exception", true, true};
  }
}

}  // namespace

ClaimKey Deduplicator::key_of(Inbound const& message) const noexcept {
  return {scope_, message.idempotency_key.empty() ? message.id : message.idempotency_key};
}

Result<Claim> Deduplicator::claim(Inbound& message) {
  auto const key = key_of(message);
  if (key.key.empty()) return Claim{ClaimState::kClaimed};
  make_message_id(message.claim);
  auto claim = ask_store([&] { return store_->claim(key, message.claim, lease_); });
  // A claim that may stand although no answer came is given back, else the message would wait for its own lease.
  if (!claim && claim.error().maybe_applied) release(message);
  if (!claim || claim->state != ClaimState::kClaimed) message.claim.clear();
  return claim;
}

Result<bool> Deduplicator::mark(Inbound& message) {
  if (message.claim.empty()) return true;
  auto marked = ask_store([&] { return store_->complete(key_of(message), message.claim, keep_); });
  if (marked) message.claim.clear();
  return marked;
}

void Deduplicator::release(Inbound& message) {
  if (message.claim.empty()) return;
  // A store that is away lets the lease end instead.
  [[maybe_unused]] auto const released = ask_store([&] { return store_->release(key_of(message), message.claim); });
  message.claim.clear();
}

std::string Deduplicator::scope_of(std::string_view service, std::string_view destination, std::string_view group) {
  if (is_seeded(SeededFault::kKeyWithoutSubscriber)) group = {};
  constexpr char kSeparator = '\x1f';
  return std::string(service) + kSeparator + std::string(destination) + kSeparator + std::string(group);
}

}  // namespace fairlead
