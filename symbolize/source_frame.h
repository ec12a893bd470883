#pragma once

#include <string>
#include <string_view>

namespace ec {

// One function at an address: several when functions were inlined there.
struct SourceFrame {
  std::string function;     // "" = unknown
  std::string file;         // as the compiler recorded it, with its directory; "" = unknown
  int line = 0;             // 0 = unknown
  int column = 0;           // 0 = unknown
  bool inlined = false;     // into the next frame
  bool short_name = false;  // function is without namespace and parameters
};

// The same without copies, valid until its source is asked again.
struct SourceFrameView {
  std::string_view function, file;
  int line = 0, column = 0;
  bool inlined = false, short_name = false;
};

inline SourceFrame copy_of(const SourceFrameView& view) {
  return {std::string(view.function), std::string(view.file), view.line, view.column, view.inlined, view.short_name};
}
inline SourceFrameView view_of(const SourceFrame& frame) {
  return {frame.function, frame.file, frame.line, frame.column, frame.inlined, frame.short_name};
}

}  // namespace ec
