// Many small files in one artifact, readable with any pager:
//
//   ==> 43/stat 312 <==
//   (312 bytes)
//   ==! denied 13 43/stack | needs CAP_SYS_ADMIN <==
//
// The length makes it safe against hostile content: a thread name that looks like a header is only bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct Section {
  std::string_view name;   // relative path, e.g. "43/stat"; without newline
  std::string_view bytes;  // empty when failed
  bool failed = false;
  Error error;  // condition: failed
};

// Append one section. A newline in `name` is written as "\\012". A failed one keeps code, errno and detail.
void append_section(std::string& bundle, std::string_view name, std::string_view bytes);
void append_failed_section(std::string& bundle, std::string_view name, const Error& error);

// All sections, in order; views point into `bundle`. A bundle cut short gives the whole sections before the cut, and
// `whole_bytes`, when given, is where the cut one starts.
std::vector<Section> parse_bundle(std::string_view bundle, size_t* whole_bytes = nullptr);

}  // namespace ec
