#pragma once

#include <fairlead/fairlead.hpp>
#include <fairlead/json.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

struct Item {
  std::string sku;
  int quantity = 0;
  double price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, sku, quantity, price)

/// What travels through the pipeline. `sequence` counts the orders of one user, so that a consumer can see whether they
/// came in order.
struct Order {
  std::string id;
  std::string user_id;
  std::int64_t sequence = 0;
  std::int64_t created_us = 0;  // since the epoch
  double amount = 0;
  std::vector<Item> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, user_id, sequence, created_us, amount, items)

/// Asked by the typed publisher before an order leaves.
inline fairlead::Result<void> validate(Order const& order) {
  if (order.id.empty() || order.user_id.empty())
    return fairlead::Error{fairlead::Errc::kValidation, "order without id or user_id"};
  if (order.items.empty() || order.amount <= 0)
    return fairlead::Error{fairlead::Errc::kValidation, "empty order " + order.id};
  return {};
}

inline std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Realistic orders: a few users order a lot, most order now and then.
class OrderGenerator {
 public:
  explicit OrderGenerator(int users) : next_sequence_(static_cast<std::size_t>(users), 0) {}

  Order next() {
    double const skew = std::uniform_real_distribution<>(0, 1)(random_);
    auto const user = static_cast<std::size_t>(skew * skew * static_cast<double>(next_sequence_.size()));
    Order order;
    order.user_id = "user-" + std::to_string(user);
    order.sequence = next_sequence_[user]++;
    order.id = "order-" + std::to_string(user) + "-" + std::to_string(order.sequence);
    int const lines = std::uniform_int_distribution<>(1, 4)(random_);
    for (int line = 0; line < lines; ++line) {
      int const cents = std::uniform_int_distribution<>(199, 9'999)(random_);
      Item item{"sku-" + std::to_string(cents % 500), std::uniform_int_distribution<>(1, 3)(random_), cents / 100.0};
      order.amount += item.quantity * item.price;
      order.items.push_back(std::move(item));
    }
    order.created_us = now_us();
    return order;
  }

 private:
  std::mt19937_64 random_{20'240'601};
  std::vector<std::int64_t> next_sequence_;
};
