#include "symbolize/plain_name.h"

#include <optional>

#include "symbolize/demangle.h"

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

// What the compiler made for a function or a variable, in the words of the demangler.
std::string_view special_prefix(std::string_view demangled) {
  for (std::string_view prefix :
       {"non-virtual thunk to ", "virtual thunk to ", "covariant return thunk to ", "TLS init function for ",
        "TLS wrapper function for ", "transaction clone for ", "non-transaction clone for ", "guard variable for ",
        "vtable for ", "VTT for ", "typeinfo for ", "typeinfo name for "})
    if (demangled.starts_with(prefix)) return prefix;
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

std::string without_template_arguments(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size();) {
    size_t length = text[i] == '<' ? end_of_nested(text.substr(i), '<', '>') : 1;
    if (text[i] != '<') plain += text[i];
    i += length;
  }
  return plain;
}

// " const &", when it is behind the parameters of a function that something else is local to; nothing when `behind` is
// the end of the whole name.
std::optional<std::string_view> qualifiers_of_enclosing(std::string_view behind) {
  size_t name = behind.find("::");
  if (name == std::string_view::npos) return std::nullopt;
  std::string_view qualifiers = behind.substr(0, name);
  for (std::string_view known : {"", " const", " volatile", " const volatile"})
    for (std::string_view reference : {"", " &", " &&"})
      if (qualifiers.starts_with(known) && qualifiers.substr(known.size()) == reference) return qualifiers;
  return std::nullopt;
}

}  // namespace

std::string plain_name(std::string_view demangled) {
  std::string plain(special_prefix(demangled));
  const size_t begin = plain.size();
  size_t name = begin;  // where the name begins: behind a return type
  bool in_operator = false;
  for (size_t i = begin; i < demangled.size();) {
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
      plain += without_template_arguments(rest.substr(0, length));
      kept = false;
    } else if (rest[0] == '<') {
      length = end_of_nested(rest, '<', '>');
      kept = false;
    } else if (rest[0] == '(') {
      length = end_of_nested(rest, '(', ')');
      kept = false;
      bool of_type = plain.ends_with("decltype ") || plain.ends_with("decltype");
      if (auto qualifiers = qualifiers_of_enclosing(rest.substr(length))) {
        plain += without_template_arguments(rest.substr(0, length));
        plain += *qualifiers;
        length += qualifiers->size();
      } else if (!of_type) {
        length = rest.size();  // with " const", " &" and "[clone .cold]"
      }
    } else if (rest[0] == ' ' && !in_operator) {
      name = plain.size() + 1;
    }
    if (kept) plain += rest.substr(0, length);
    i += length;
  }
  plain.erase(plain.find_last_not_of(' ') + 1);  // "operator<< <char>"
  if (plain.size() <= name) return std::string(demangled);
  return plain.erase(begin, name - begin);
}

std::string plain_function(std::string_view linker_name) {
  std::string demangled = demangle(linker_name);
  return demangled == linker_name || is_rust_name(linker_name) ? demangled : plain_name(demangled);
}

}  // namespace ec
