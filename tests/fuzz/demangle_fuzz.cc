// Names as compilers write them into a symbol table: C++, Rust. One in a line, up to a tab.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/base/text.h"
#include "symbolize/demangle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ec::LineCursor lines("input", {reinterpret_cast<const char*>(data), size});
  for (auto line = lines.next(); line && lines.line_number() < 100; line = lines.next()) {
    std::string_view name = line->substr(0, line->find('\t'));
    if (ec::demangle(name).size() > std::max<size_t>(name.size(), 4096) + 32) std::abort();
  }
  return 0;
}
