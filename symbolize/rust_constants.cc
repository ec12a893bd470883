#include <fmt/format.h>

#include "collector/base/text.h"
#include "collector/base/utf8.h"
#include "symbolize/rust_demangler.h"

namespace ec {

void RustDemangler::number() {
  std::string_view digits = hex_digits();
  while (digits.starts_with('0')) digits.remove_prefix(1);
  auto value = parse_number<uint64_t>(digits.empty() ? "0" : digits, 16);
  print(value ? fmt::format("{}", *value) : fmt::format("0x{}", digits));
}

void RustDemangler::constant(bool in_value) {
  if (!deeper()) return;
  switch (char tag = next()) {
    case 'p':
      print("_");
      break;
    case 'h':
    case 't':
    case 'm':
    case 'y':
    case 'o':
    case 'j':
      number();
      break;
    case 'a':
    case 's':
    case 'l':
    case 'x':
    case 'n':
    case 'i':
      if (eat('n')) print("-");
      number();
      break;
    case 'b': {
      std::string_view digits = hex_digits();
      if (digits != "0" && digits != "1") fail();
      print(digits == "1" ? "true" : "false");
      break;
    }
    case 'c':
      character();
      break;
    case 'B':
      back_reference([&] { constant(in_value); });
      break;
    default:
      structure(tag, in_value);
      break;
  }
  --depth_;
}

void RustDemangler::character() {
  auto code = parse_number<uint32_t>(hex_digits(), 16);
  if (!code || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)) {
    fail();
    return;
  }
  print("'");
  switch (*code) {
    case '\n':
      print("\\n");
      break;
    case '\r':
      print("\\r");
      break;
    case '\t':
      print("\\t");
      break;
    case '\0':
      print("\\0");
      break;
    case '\'':
      print("\\'");
      break;
    case '\\':
      print("\\\\");
      break;
    default:
      if (*code < 0x20 || (*code >= 0x7f && *code < 0xa0)) {
        print(fmt::format("\\u{{{:x}}}", *code));
      } else {
        std::string text;
        append_utf8(text, *code);
        print(text);
      }
  }
  print("'");
}

// Constants of types that a program made (adt_const_params).
void RustDemangler::structure(char tag, bool in_value) {
  if (!in_value) print("{");
  switch (tag) {
    case 'e':
      text();
      break;
    case 'R':
    case 'Q':
      if (tag == 'R' && eat('e')) {  // &str: as a literal
        text();
        break;
      }
      print(tag == 'R' ? "&" : "&mut ");
      constant(true);
      break;
    case 'A':
      print("[");
      list([&] { constant(true); });
      print("]");
      break;
    case 'T':
      print("(");
      if (list([&] { constant(true); }) == 1) print(",");
      print(")");
      break;
    case 'V':
      variant();
      break;
    default:
      fail();
  }
  if (!in_value) print("}");
}

void RustDemangler::text() {
  std::string_view digits = hex_digits();
  if (digits.size() % 2 != 0) fail();
  std::string bytes;
  for (; ok_ && digits.size() >= 2; digits.remove_prefix(2))
    bytes += static_cast<char>(parse_number<uint8_t>(digits.substr(0, 2), 16).value_or(0));
  print(fmt::format("\"{}\"", printable_line(bytes, limit_)));
}

void RustDemangler::variant() {
  path(true);
  switch (next()) {
    case 'U':
      break;
    case 'T':
      print("(");
      list([&] { constant(true); });
      print(")");
      break;
    case 'S':
      print(" { ");
      list([&] {
        print(identifier().name);
        print(": ");
        constant(true);
      });
      print(" }");
      break;
    default:
      fail();
  }
}

}  // namespace ec
