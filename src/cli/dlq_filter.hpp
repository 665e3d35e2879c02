#pragma once

#include <fairlead/delivery.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::cli {

/// Which dead letters are meant, as the command line says it. What is not given does not matter.
struct DeadLetterChoice {
  std::optional<std::string> error_code;
  std::optional<std::string> older_than;
  std::optional<std::string> newer_than;
  std::optional<std::string> key;
  std::vector<std::string> headers;  ///< NAME=VALUE
  std::optional<std::string> id;
};

/// When the message was given up: as its envelope says, else when it was published.
[[nodiscard]] std::chrono::system_clock::time_point failed_at(Delivery const& delivery);

/// Picks dead letters. Ages are counted from `now`, so that a run does not take in more while it lasts.
/// Thread-compatible.
class DeadLetterFilter {
 public:
  [[nodiscard]] static Result<DeadLetterFilter> make(DeadLetterChoice const& choice,
                                                     std::chrono::system_clock::time_point now);

  [[nodiscard]] bool matches(Delivery const& delivery) const;

 private:
  std::optional<std::string> error_code_;
  std::optional<std::string> key_;
  std::optional<std::string> id_;
  std::vector<Header> headers_;
  std::optional<std::chrono::system_clock::time_point> failed_by_;
  std::optional<std::chrono::system_clock::time_point> failed_since_;
};

}  // namespace fairlead::cli
