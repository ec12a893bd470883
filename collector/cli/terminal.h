#pragma once

#include <string>
#include <string_view>

namespace ec {

// What a descriptor can show. Colour obeys NO_COLOR and TERM=dumb.
struct Terminal {
  bool is_terminal = false, colour = false;
  int columns = 0;  // 0: not a terminal, unlimited
};
Terminal terminal_of(int fd);

// Writes all of it; false when the reader is gone or the disk is full.
bool write_all(int fd, std::string_view text);

}  // namespace ec
