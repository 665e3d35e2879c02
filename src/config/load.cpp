#include "config/load.hpp"

#include "config/validation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

namespace fairlead {
namespace {

/// The origin of a path, or of the nearest thing around it that the document has.
std::string origin_of(Origins const& origins, std::string path) {
  for (;;) {
    if (auto const found = origins.find(path); found != origins.end()) return found->second;
    std::size_t const dot = path.rfind('.');
    if (dot == std::string::npos) return {};
    path.resize(dot);
  }
}

/// `orders.yaml:12` before `orders.yaml:102`.
bool comes_before(Problem const& a, Problem const& b) {
  auto const line = [](Problem const& problem) {
    std::size_t const colon = problem.origin.rfind(':');
    return colon == std::string::npos ? 0L : std::strtol(problem.origin.c_str() + colon + 1, nullptr, 10);
  };
  return line(a) < line(b);
}

}  // namespace

Result<std::string> read_config_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxDocumentBytes + 1, '\0');  // one more than allowed, so that the parser sees it is too large
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return Error{Errc::kInvalidConfig, "cannot read " + path + ": " + std::strerror(errno)};
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

Result<LoadedConfig> load_with_origins(std::string_view text, std::string const& name) {
  auto document = parse_document(text, name);
  if (!document) return std::move(document).error();
  std::vector<Problem> problems;
  apply_overrides(*document);
  expand_environment(*document, problems);
  LoadedConfig loaded;
  Reader(*document, "", loaded.origins, problems).read(loaded.config);
  std::set<std::string> told;  // a value that could not be read has its default now, which says nothing
  for (auto const& problem : problems) told.insert(problem.path);
  for (auto& problem : find_problems(loaded.config)) {
    if (told.contains(problem.path)) continue;
    problem.origin = origin_of(loaded.origins, problem.path);
    if (problem.origin.empty()) problem.origin = name;
    problems.push_back(std::move(problem));
  }
  std::stable_sort(problems.begin(), problems.end(), comes_before);
  if (!problems.empty()) return config_error(problems);
  return loaded;
}

Result<Config> parse_config(std::string_view text, std::string const& name) {
  auto loaded = load_with_origins(text, name);
  if (!loaded) return std::move(loaded).error();
  return std::move(loaded->config);
}

Result<Config> load_config(std::string const& path) {
  auto const text = read_config_file(path);
  if (!text) return text.error();
  return parse_config(*text, path);
}

}  // namespace fairlead
