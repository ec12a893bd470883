#pragma once

namespace ec {

// What a descriptor can show. Colour obeys NO_COLOR and TERM=dumb.
struct Terminal {
  bool is_terminal = false, colour = false;
  int columns = 0;  // 0: not a terminal, unlimited
};
Terminal terminal_of(int fd);

}  // namespace ec
