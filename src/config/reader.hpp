#pragma once

#include "config/keys.hpp"
#include "config/node.hpp"
#include "config/values.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fairlead {

/// Where each value that was set came from, by its path.
using Origins = std::map<std::string, std::string, std::less<>>;

/// Fills a configuration from a document. Visits the keys of one mapping; `finish` reports what it holds besides.
class Reader {
 public:
  Reader(Node const& node, std::string path, Origins& origins, std::vector<Problem>& problems)
      : node_(node), path_(std::move(path)), origins_(origins), problems_(problems) {}

  template <class T>
  void value(char const* key, T& out) {
    if (Node const* const node = take(key)) scalar(*node, path_of(key), out);
  }

  template <class T>
  void list(char const* key, std::vector<T>& out) {
    if (Node const* const node = take(key)) items(*node, path_of(key), out);
  }

  template <class T>
  void values(char const* key, std::map<std::string, T, std::less<>>& out) {
    each(key,
         [&](std::string const& name, Node const& node, std::string const& path) { scalar(node, path, out[name]); });
  }

  void options(char const* key, NativeOptions& out) { values(key, out); }

  void lists(char const* key, std::map<std::string, std::vector<std::string>, std::less<>>& out) {
    each(key,
         [&](std::string const& name, Node const& node, std::string const& path) { items(node, path, out[name]); });
  }

  template <class T>
  void object(char const* key, T& out) {
    if (Node const* const node = take(key)) read_object(*node, path_of(key), out);
  }

  template <class T>
  void entries(char const* key, std::map<std::string, T, std::less<>>& out) {
    each(key, [&](std::string const& name, Node const& node, std::string const& path) {
      read_object(node, path, out[name]);
    });
  }

  void later(char const* key) {
    if (Node const* const node = take(key)) complain(*node, path_of(key), "not available in this version");
  }

  template <class T>
  void read(T& out) {
    if (node_.kind == Node::Kind::kNull || node_.kind == Node::Kind::kBroken) return;
    if (node_.kind != Node::Kind::kMap) return complain(node_, path_, "must be a mapping of keys to values");
    visit_keys(*this, out);
    finish();
  }

 private:
  template <class T>
  void read_object(Node const& node, std::string const& path, T& out) {
    origins_[path] = node.origin;
    Reader(node, path, origins_, problems_).read(out);
  }

  template <class T>
  void scalar(Node const& node, std::string const& path, T& out) {
    origins_[path] = node.origin;
    if (node.kind == Node::Kind::kBroken) return;
    if (node.kind != Node::Kind::kScalar) return complain(node, path, "must be a single value");
    if (auto const complaint = parse_value(node.scalar, out)) {
      complain(node, path, (node.from_environment ? "its value" : "'" + node.scalar + "'") + " is not " + *complaint);
    }
  }

  template <class T>
  void items(Node const& node, std::string const& path, std::vector<T>& out) {
    origins_[path] = node.origin;
    if (node.kind == Node::Kind::kBroken) return;
    if (node.kind != Node::Kind::kSequence) return complain(node, path, "must be a list");
    for (auto const& item : node.items) {
      if (item.kind == Node::Kind::kBroken) continue;
      if (item.kind != Node::Kind::kScalar) return complain(item, path, "must be a list of single values");
      T value{};
      if (auto const complaint = parse_value(item.scalar, value)) {
        complain(item, path, (item.from_environment ? "a value" : "'" + item.scalar + "'") + " is not " + *complaint);
      } else {
        out.push_back(std::move(value));
      }
    }
  }

  template <class F>
  void each(char const* key, F read_entry) {
    Node const* const node = take(key);
    if (node == nullptr || node->kind == Node::Kind::kNull || node->kind == Node::Kind::kBroken) return;
    std::string const path = path_of(key);
    if (node->kind != Node::Kind::kMap) return complain(*node, path, "must be a mapping of names to values");
    report_duplicates(*node, path);
    for (auto const& entry : node->entries) read_entry(entry.key, entry.value, path + "." + entry.key);
  }

  Node const* take(char const* key) {
    known_.emplace_back(key);
    return node_.find(key);
  }

  void finish() {
    report_duplicates(node_, path_);
    for (auto const& entry : node_.entries) {
      if (std::find(known_.begin(), known_.end(), entry.key) == known_.end()) {
        complain(entry.value, path_of(entry.key), "unknown key" + did_you_mean(entry.key, known_));
      }
    }
  }

  void report_duplicates(Node const& node, std::string const& path) {
    for (auto const& entry : node.entries) {
      if (node.find(entry.key) != &entry.value) {
        complain(entry.value, path.empty() ? entry.key : path + "." + entry.key, "is there twice");
      }
    }
  }

  void complain(Node const& node, std::string const& path, std::string const& text) {
    problems_.push_back({node.origin, path, text});
  }
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  }

  Node const& node_;
  std::string path_;
  Origins& origins_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
};

}  // namespace fairlead
