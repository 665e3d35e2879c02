// Puts together what the processes of a distributed run wrote: produced.txt and GROUP.MEMBER.txt in one folder.
//   order_report --dir DIR --broker NAME
#include "arguments.hpp"
#include "pipeline.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  Arguments const arguments(argc, argv, {{"dir", "."}, {"broker", "broker"}});
  std::filesystem::path const folder = arguments.text("dir");
  Produced produced;
  std::ifstream summary(folder / "produced.txt");
  if (!(summary >> produced.published >> produced.confirmed >> produced.failed >> produced.seconds)) {
    return std::cerr << "the producer wrote no result in " << folder << '\n', 1;
  }
  std::map<std::string, std::vector<Handled>> groups;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    auto const name = entry.path().filename().string();
    if (name == "produced.txt" || entry.path().extension() != ".txt") continue;
    auto& group = groups[name.substr(0, name.find('.'))];
    auto const handled = read_handled(entry.path().string());
    group.insert(group.end(), handled.begin(), handled.end());
  }
  if (groups.empty()) return std::cerr << "no consumer wrote a result in " << folder << '\n', 1;
  return print_report(arguments.text("broker"), produced, std::move(groups)) ? 0 : 1;
}
