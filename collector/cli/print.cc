#include "collector/cli/print.h"

#include <unistd.h>

#include "collector/base/text.h"
#include "collector/base/write_file.h"

namespace ec {

void print(std::string_view text) { write_all(STDOUT_FILENO, text); }

void complain(std::string_view text) {
  write_all(STDERR_FILENO, fmt::format("emergency-collect: {}\n", printable_line(text, 2000)));
}

void complain(const Error& error) { complain(error.message()); }

}  // namespace ec
