// The options of a JVM that the java launcher started, from the outside: its arguments, the variables that hold more,
// and the files that they name (java(1)).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct JvmOptions {
  std::vector<std::string> words;
  std::vector<std::string> unread;  // files that hold more of them, and could not be read
};

// Words of JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS or an @argfile: separated by white space, quotes " and ' taken off; "#"
// begins a comment.
std::vector<std::string> jvm_option_words(std::string_view text);

// `arguments` with that of the program first. `read` gives a file by its name in an argument, which may be relative to
// the working directory. Arguments behind the main class are the program's own; they are listed too, for nobody is hurt
// by taking one of them for an option.
JvmOptions jvm_options(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                       const std::function<Result<std::string>(const std::string&)>& read);

}  // namespace ec
