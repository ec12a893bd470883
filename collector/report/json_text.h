// Writing JSON straight into a string: a process with 10,000 threads or 100,000 descriptors needs no tree of objects.
#pragma once

#include <string>
#include <string_view>

namespace ec {

// `text` as a JSON string with quotes. Bytes that are no valid UTF-8 become U+FFFD, control characters \u00XX.
void append_json_string(std::string& out, std::string_view text);
// "name":"text",
void append_json_field(std::string& out, std::string_view name, std::string_view text);

}  // namespace ec
