#include "collector/analysis/function_name.h"

#include <array>

namespace ec {

namespace {

constexpr std::string_view kOperator = "operator";

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

// Length of "operator<<", "operator()", "operator new[]" … at `at`, 0 when there is none.
size_t operator_length(std::string_view text, size_t at) {
  if (text.substr(at, kOperator.size()) != kOperator) return 0;
  if (at > 0 && name_character(text[at - 1])) return 0;
  size_t end = at + kOperator.size();
  std::string_view rest = text.substr(end);
  if (rest.starts_with("()") || rest.starts_with("[]")) return kOperator.size() + 2;
  for (std::string_view word : {" new[]", " delete[]", " new", " delete"})
    if (rest.starts_with(word)) return kOperator.size() + word.size();
  size_t symbols = rest.find_first_not_of("<>=!+-*/%^&|~,");
  if (symbols == std::string_view::npos) symbols = rest.size();
  // "operator<<int>": the last '<' opens the template arguments.
  if (symbols > 1 && rest[symbols - 1] == '<' && symbols < rest.size() && rest[symbols] != '(' && rest[0] == '<')
    --symbols;
  return symbols ? kOperator.size() + symbols : 0;
}

}  // namespace

std::string spoken_name(std::string_view name) {
  bool cpp = name.find("::") != std::string_view::npos || name.ends_with(')') || name.ends_with(") const");
  if (!cpp) return std::string(name);
  std::string spoken;
  int angles = 0, parens = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (angles == 0 && parens == 0) {
      if (size_t length = operator_length(name, i)) {
        spoken += name.substr(i, length);
        i += length - 1;
        continue;
      }
      constexpr std::string_view kAnonymous = "(anonymous namespace)";
      if (name.substr(i, kAnonymous.size()) == kAnonymous) {
        spoken += kAnonymous;
        i += kAnonymous.size() - 1;
        continue;
      }
    }
    char c = name[i];
    if (c == '<')
      ++angles;
    else if (c == '>' && angles > 0)
      --angles;
    else if (c == '(')
      ++parens;
    else if (c == ')' && parens > 0)
      --parens;
    else if (angles == 0 && parens == 0) {
      // A space outside of brackets ends a return type, or begins "const" and "[clone …]".
      if (c == ' ' && (name.substr(i).starts_with(" const") || name.substr(i).starts_with(" [clone"))) break;
      if (c == ' ' && name.substr(i).starts_with(" <")) continue;  // "operator< <int>"
      if (c == ' ')
        spoken.clear();
      else
        spoken += c;
    }
  }
  return spoken.empty() ? std::string(name) : spoken;
}

bool is_plumbing(std::string_view demangled) {
  constexpr std::array<std::string_view, 10> kPlumbing{"std::__invoke",  "std::invoke",
                                                       "std::thread::_", "std::_Function_handler",
                                                       "std::function",  "std::__future_base",
                                                       "std::_Bind",     "std::jthread::_",
                                                       "__gthread_",     "std::__detail::__variant"};
  std::string name = spoken_name(demangled);
  for (std::string_view prefix : kPlumbing)
    if (name.starts_with(prefix)) return true;
  return false;
}

}  // namespace ec
