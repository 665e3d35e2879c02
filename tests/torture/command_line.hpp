#pragma once

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::torture {

/// `PROGRAM NAME... [--option value]...`: values in the order of the names, and options that have defaults. Anything
/// else ends the program with a usage line and exit code 2.
class CommandLine {
 public:
  CommandLine(int argc, char** argv, std::vector<std::string> names, std::map<std::string, std::string> options)
      : program_(argv[0]), names_(std::move(names)), options_(std::move(options)) {
    for (int i = 1; i < argc; ++i) {
      std::string_view const word = argv[i];
      if (!word.starts_with("--")) {
        values_.emplace_back(word);
        continue;
      }
      auto const found = options_.find(std::string(word.substr(2)));
      if (found == options_.end() || ++i == argc) usage();
      found->second = argv[i];
    }
    if (values_.size() != names_.size()) usage();
  }

  [[nodiscard]] std::string const& value(std::size_t index) const { return values_.at(index); }
  [[nodiscard]] int number(std::size_t index) const { return parse(values_.at(index)); }
  [[nodiscard]] std::string const& option(std::string const& name) const { return options_.at(name); }
  [[nodiscard]] int number_option(std::string const& name) const { return parse(options_.at(name)); }

 private:
  [[nodiscard]] int parse(std::string const& text) const {
    int number = 0;
    auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc{} || end != text.data() + text.size() || number < 0) usage();
    return number;
  }
  [[noreturn]] void usage() const {
    std::cerr << "usage: " << program_;
    for (auto const& name : names_) std::cerr << ' ' << name;
    for (auto const& [name, value] : options_) std::cerr << " [--" << name << ' ' << value << ']';
    std::cerr << '\n';
    std::exit(2);
  }

  std::string program_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> options_;
  std::vector<std::string> values_;
};

}  // namespace fairlead::torture
