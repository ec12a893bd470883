#include "symbolize/rust_demangle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "symbolize/rust_demangler.h"

namespace ec {

namespace {

constexpr std::string_view basic_type(char letter) {
  constexpr std::array<std::string_view, 26> kTypes{
      "i8",   "bool", "char", "f64", "str", "f32", "",    "u8", "isize", "usize", "",    "i32", "u32",
      "i128", "u128", "_",    "",    "",    "i16", "u16", "()", "...",   "",      "i64", "u64", "!"};
  return letter >= 'a' && letter <= 'z' ? kTypes[static_cast<size_t>(letter - 'a')] : std::string_view();
}

}  // namespace

std::optional<std::string> RustDemangler::run() {
  path(true);
  if (ok_ && at_ < text_.size() && peek() >= 'A' && peek() <= 'Z') {
    silent_ = true;  // the crate that it was made for
    path(false);
  }
  if (!ok_ || at_ != text_.size()) return std::nullopt;
  return std::move(out_);
}

void RustDemangler::path(bool in_value) {
  if (!deeper()) return;
  switch (char tag = next()) {
    case 'C':
      print(identifier().name);
      break;
    case 'N':
      nested(in_value);
      break;
    case 'M':
    case 'X':
    case 'Y':
      if (tag != 'Y') {
        optional_62('s');
        bool before = silent_;
        silent_ = true;  // where the impl is
        path(in_value);
        silent_ = before;
      }
      print("<");
      type();
      if (tag != 'M') {
        print(" as ");
        path(false);
      }
      print(">");
      break;
    case 'I':
      path(in_value);
      print(in_value ? "::<" : "<");
      list([&] { generic_argument(); });
      print(">");
      break;
    case 'B':
      back_reference([&] { path(in_value); });
      break;
    default:
      fail();
  }
  --depth_;
}

void RustDemangler::nested(bool in_value) {
  char space = next();
  path(in_value);
  Identifier name = identifier();
  if (space >= 'A' && space <= 'Z') {
    std::string_view kind = space == 'C' ? "closure" : space == 'S' ? "shim" : std::string_view(&space, 1);
    print(fmt::format("::{{{}{}{}#{}}}", kind, name.name.empty() ? "" : ":", name.name, name.disambiguator));
  } else if (space < 'a' || space > 'z') {
    fail();
  } else if (!name.name.empty()) {
    print("::");
    print(name.name);
  }
}

void RustDemangler::generic_argument() {
  if (eat('L'))
    lifetime(base_62());
  else if (eat('K'))
    constant(false);
  else
    type();
}

// Counted from the innermost binder; 0 is one that was erased.
void RustDemangler::lifetime(uint64_t index) {
  if (silent_) return;
  if (index == 0) return print("'_");
  if (index > bound_) {
    fail();
    return;
  }
  uint64_t depth = bound_ - index;
  print(depth < 26 ? fmt::format("'{}", static_cast<char>('a' + depth)) : fmt::format("'_{}", depth));
}

void RustDemangler::type() {
  if (!deeper()) return;
  char tag = next();
  if (std::string_view basic = basic_type(tag); !basic.empty()) {
    print(basic);
    --depth_;
    return;
  }
  switch (tag) {
    case 'R':
    case 'Q':
      print("&");
      if (eat('L'))
        if (uint64_t index = base_62(); index != 0) {
          lifetime(index);
          print(" ");
        }
      if (tag == 'Q') print("mut ");
      type();
      break;
    case 'P':
    case 'O':
      print(tag == 'P' ? "*const " : "*mut ");
      type();
      break;
    case 'A':
    case 'S':
      print("[");
      type();
      if (tag == 'A') {
        print("; ");
        constant(true);
      }
      print("]");
      break;
    case 'T':
      print("(");
      if (list([&] { type(); }) == 1) print(",");
      print(")");
      break;
    case 'F':
      in_binder([&] { function(); });
      break;
    case 'D':
      print("dyn ");
      in_binder([&] { dynamic(); });
      if (!eat('L')) {
        fail();
      } else if (uint64_t index = base_62(); index != 0) {
        print(" + ");
        lifetime(index);
      }
      break;
    case 'B':
      back_reference([&] { type(); });
      break;
    default:
      if (ok_) --at_;
      path(false);
  }
  --depth_;
}

void RustDemangler::function() {
  if (eat('U')) print("unsafe ");
  if (eat('K')) {
    std::string abi = eat('C') ? "C" : identifier().name;
    for (char& letter : abi)
      if (letter == '_') letter = '-';
    print("extern \"" + abi + "\" ");
  }
  print("fn(");
  list([&] { type(); });
  print(")");
  if (eat('u')) return;  // "-> ()" is left out
  print(" -> ");
  type();
}

void RustDemangler::dynamic() {
  bool first = true;
  while (ok_ && !eat('E')) {
    if (!first) print(" + ");
    first = false;
    dynamic_trait();
  }
}

// A path whose generic arguments stay open, so that "Item = T" can join them.
bool RustDemangler::open_path() {
  if (eat('B')) {
    bool open = false;
    back_reference([&] { open = open_path(); });
    return open;
  }
  if (!eat('I')) {
    path(false);
    return false;
  }
  path(false);
  print("<");
  list([&] { generic_argument(); });
  return true;
}

void RustDemangler::dynamic_trait() {
  if (!deeper()) return;
  bool open = open_path();
  while (eat('p')) {
    print(open ? ", " : "<");
    open = true;
    print(identifier().name);
    print(" = ");
    type();
  }
  if (open) print(">");
  --depth_;
}

std::optional<std::string> demangle_rust_v0(std::string_view mangled, size_t limit) {
  if (!mangled.starts_with("_R")) return std::nullopt;
  mangled.remove_prefix(2);
  // What LLVM adds is no part of the name: ".llvm.1234" tells nothing, the rest (".cold") is shown as it is.
  size_t dot = mangled.find('.');
  std::string_view suffix = dot == std::string_view::npos ? "" : mangled.substr(dot);
  if (suffix.starts_with(".llvm.")) suffix.remove_prefix(std::min(suffix.find('.', 6), suffix.size()));
  mangled = mangled.substr(0, dot);
  if (mangled.empty() || mangled[0] < 'A' || mangled[0] > 'Z') return std::nullopt;  // a digit: a later version
  auto name = RustDemangler(mangled, limit).run();
  if (name) *name += suffix;
  return name;
}

}  // namespace ec
