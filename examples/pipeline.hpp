#pragma once

#include "order.hpp"

#include <fairlead/fairlead.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

// The two halves of the order pipeline and what they measured, shared by the programs that run it in one process and
// in many.

struct Produced {
  std::int64_t published = 0;
  std::int64_t confirmed = 0;
  std::int64_t failed = 0;
  double seconds = 0;
};

/// Publishes `count` orders of `users` users to `orders` through the pipelined path; `rate` per second, 0 for as fast
/// as the broker confirms.
Produced produce_orders(fairlead::Broker& broker, long count, int users, long rate);

/// One order as a consumer saw it.
struct Handled {
  std::string user_id;
  std::int64_t sequence = 0;
  std::int64_t handled_us = 0;  // since the epoch
  std::int64_t latency_us = 0;  // from creation
  bool redelivered = false;
};

/// Collects what one or more members of a group handled. Thread-safe.
class HandledLog {
 public:
  void add(Order const& order, fairlead::Delivery const& delivery);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<Handled> take();

 private:
  std::mutex mutable mutex_;
  std::vector<Handled> handled_;
};

void write_handled(std::string const& path, std::vector<Handled> const& handled);
std::vector<Handled> read_handled(std::string const& path);

/// Prints the table; true when every group handled every published order and no key was out of order.
bool print_report(std::string const& broker, Produced const& produced,
                  std::map<std::string, std::vector<Handled>> groups);
