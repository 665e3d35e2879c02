#include "torture/ledger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace fairlead::torture {
namespace {

[[noreturn]] void give_up(std::string const& what) {
  std::cerr << "ledger: " << what << std::endl;
  std::_Exit(3);
}

}  // namespace

Ledger::Ledger(std::string const& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) give_up(path + ": " + std::strerror(errno));
}

Ledger::~Ledger() { ::close(fd_); }

std::string Ledger::line(std::string_view text) {
  if (text.size() >= kLineBytes) give_up("too long for a line: " + std::string(text));
  std::string padded(text);
  padded.resize(kLineBytes - 1, ' ');
  return padded += '\n';
}

void Ledger::append(std::string_view lines) {
  auto const written = ::write(fd_, lines.data(), lines.size());
  if (written != static_cast<ssize_t>(lines.size())) give_up(std::strerror(errno));
}

}  // namespace fairlead::torture
