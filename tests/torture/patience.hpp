#pragma once

#include <fairlead/result.hpp>

#include <chrono>
#include <iostream>
#include <thread>
#include <utility>

namespace fairlead::torture {

/// What a service does at its start when the broker is not there: it asks again, as long as the error says that it may,
/// for a minute, until `is_over`.
template <class Try, class IsOver>
auto patiently(Try attempt, IsOver is_over) {
  using namespace std::chrono_literals;
  auto const deadline = std::chrono::steady_clock::now() + 60s;
  while (true) {
    auto result = attempt();
    if (result || !result.error().retryable || is_over() || std::chrono::steady_clock::now() > deadline) return result;
    std::cerr << "again, because of: " << result.error().message << std::endl;
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace fairlead::torture
