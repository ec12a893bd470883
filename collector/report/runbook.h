// Runbooks: one page per finding id, compiled into the binary; an organisation's own are searched first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

struct Runbook {
  std::string id, title, severity;
  std::vector<std::string> commands;  // suggested, from the front matter
  std::string text;                   // whole page, front matter included
  std::string origin;                 // "built-in", or the path of the file
};

// Errors: malformed, with line, when the front matter is wrong.
Result<Runbook> parse_runbook(std::string_view where, std::string_view text);

class RunbookShelf {
 public:
  // Built-in pages, overridden and extended by *.md of `folders`, earlier folders first. Errors: a folder that cannot
  // be read or a page that cannot be parsed.
  static Result<RunbookShelf> open(const std::vector<std::string>& folders);
  const Runbook* find(std::string_view id) const;                // null when there is none
  const std::vector<Runbook>& all() const { return runbooks_; }  // by id

 private:
  std::vector<Runbook> runbooks_;
};

}  // namespace ec
