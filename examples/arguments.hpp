#pragma once

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

/// `--name value` pairs of a command line; anything else ends the program with a usage line and exit code 2.
class Arguments {
 public:
  Arguments(int argc, char** argv, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      std::string_view const name = argv[i];
      auto const found = name.substr(0, 2) == "--" ? values_.find(std::string(name.substr(2))) : values_.end();
      if (found == values_.end() || i + 1 == argc) usage(argv[0]);
      found->second = argv[i + 1];
    }
  }

  [[nodiscard]] std::string const& text(std::string const& name) const { return values_.at(name); }
  [[nodiscard]] long number(std::string const& name) const { return std::strtol(text(name).c_str(), nullptr, 10); }

 private:
  [[noreturn]] void usage(char const* program) const {
    std::cerr << "usage: " << program;
    for (auto const& [name, value] : values_)
      std::cerr << " [--" << name << ' ' << (value.empty() ? "..." : value) << ']';
    std::cerr << '\n';
    std::exit(2);
  }
  std::map<std::string, std::string> values_;
};
