#include "symbolize/plain_name.h"

namespace ec {

namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";

bool ends_in_operator(std::string_view text) {
  constexpr std::string_view kWord = "operator";
  if (!text.ends_with(kWord)) return false;
  if (text.size() == kWord.size()) return true;
  char before = text[text.size() - kWord.size() - 1];
  return before == ':' || before == ' ' || before == '}';
}

// The characters of an operator's name that would otherwise open or close something: "()", "<", "->", "<=>" …
std::string_view operator_sign(std::string_view rest) {
  for (std::string_view sign : {"()", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"})
    if (rest.starts_with(sign)) return sign;
  return {};
}

// Behind what `open` opens at the start of `text`; the end of the text when it is not closed.
size_t end_of_nested(std::string_view text, char open, char close) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1;
  }
  return text.size();
}

}  // namespace

std::string plain_name(std::string_view demangled) {
  std::string plain;
  size_t name = 0;  // where the name begins: behind a return type
  bool in_operator = false;
  for (size_t i = 0; i < demangled.size();) {
    std::string_view rest = demangled.substr(i);
    size_t length = 1;
    bool kept = true;
    if (ends_in_operator(plain)) {
      in_operator = true;
      auto sign = operator_sign(rest);
      if (!sign.empty()) {
        plain += sign;
        i += sign.size();
        continue;
      }
    }
    if (rest.starts_with(kAnonymous)) {
      length = kAnonymous.size();
    } else if (rest[0] == '{') {
      length = end_of_nested(rest, '{', '}');
    } else if (rest[0] == '<') {
      length = end_of_nested(rest, '<', '>');
      kept = false;
    } else if (rest[0] == '(') {
      length = end_of_nested(rest, '(', ')');
      kept = false;
      // " const", " &" and "[clone .cold]" come behind the parameters of the whole name; of a local name, "::".
      if (rest.substr(length).find("::") != 0) length = rest.size();
    } else if (rest[0] == ' ' && !in_operator && !plain.ends_with(" to") && !plain.ends_with(" for")) {
      std::string_view so_far = std::string_view(plain).substr(name);
      bool of_thunk = so_far == "non-virtual" || so_far == "non-virtual thunk" || so_far == "virtual" ||
                      so_far == "virtual thunk" || so_far == "vtable" || so_far == "guard" ||
                      so_far == "guard variable";
      if (!of_thunk) name = plain.size() + 1;
    }
    if (kept) plain += rest.substr(0, length);
    i += length;
  }
  plain.erase(plain.find_last_not_of(' ') + 1);  // "operator<< <char>"
  return plain.size() > name ? plain.substr(name) : std::string(demangled);
}

}  // namespace ec
