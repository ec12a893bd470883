#include "symbolize/rust_demangle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "collector/base/text.h"
#include "collector/base/utf8.h"
#include "symbolize/rust_name_reader.h"

namespace ec {

namespace {

constexpr int kDeepest = 200;
constexpr size_t kMostSteps = 20'000;

constexpr std::string_view basic_type(char letter) {
  constexpr std::array<std::string_view, 26> kTypes{
      "i8",   "bool", "char", "f64", "str", "f32", "",    "u8", "isize", "usize", "",    "i32", "u32",
      "i128", "u128", "_",    "",    "",    "i16", "u16", "()", "...",   "",      "i64", "u64", "!"};
  return letter >= 'a' && letter <= 'z' ? kTypes[static_cast<size_t>(letter - 'a')] : std::string_view();
}

class Demangler : private RustNameReader {
 public:
  Demangler(std::string_view text, size_t limit) : RustNameReader(text), limit_(limit) {}

  std::optional<std::string> run() {
    path(true);
    if (ok_ && at_ < text_.size() && peek() >= 'A' && peek() <= 'Z') {
      silent_ = true;  // the crate that it was made for
      path(false);
    }
    if (!ok_ || at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  void print(std::string_view text) {
    if (silent_) return;
    out_ += text;
    if (out_.size() > limit_) fail();
  }

  // Does `what` at the place that the reference points back to.
  template <class What>
  void back_reference(What what) {
    size_t tag = at_ - 1;
    uint64_t target = base_62();
    if (!ok_ || target >= tag || silent_) {
      if (target >= tag) fail();
      return;
    }
    size_t here = at_;
    at_ = target;
    what();
    at_ = here;
  }
  bool deeper() { return ++depth_ > kDeepest || ++steps_ > kMostSteps ? fail() : true; }

  void path(bool in_value) {
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

  void nested(bool in_value) {
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

  template <class Item>
  size_t list(Item item) {
    size_t count = 0;
    while (ok_ && !eat('E')) {
      if (count++ > 0) print(", ");
      item();
    }
    return count;
  }

  void generic_argument() {
    if (eat('L'))
      lifetime(base_62());
    else if (eat('K'))
      constant(false);
    else
      type();
  }

  // Counted from the innermost binder; 0 is one that was erased.
  void lifetime(uint64_t index) {
    if (silent_) return;
    if (index == 0) return print("'_");
    if (index > bound_) {
      fail();
      return;
    }
    uint64_t depth = bound_ - index;
    print(depth < 26 ? fmt::format("'{}", static_cast<char>('a' + depth)) : fmt::format("'_{}", depth));
  }

  template <class Inner>
  void in_binder(Inner inner) {
    uint64_t count = optional_62('G');
    if (count > 1000) fail();
    if (!ok_) return;
    if (count > 0 && !silent_) {
      print("for<");
      for (uint64_t i = 0; i < count; ++i) {
        if (i > 0) print(", ");
        ++bound_;
        lifetime(1);
      }
      print("> ");
    }
    inner();
    if (!silent_) bound_ -= count;
  }

  void type() {
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

  void function() {
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

  void dynamic() {
    bool first = true;
    while (ok_ && !eat('E')) {
      if (!first) print(" + ");
      first = false;
      dynamic_trait();
    }
  }

  // A path whose generic arguments stay open, so that "Item = T" can join them.
  bool open_path() {
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
  void dynamic_trait() {
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

  void number() {
    std::string_view digits = hex_digits();
    while (digits.starts_with('0')) digits.remove_prefix(1);
    auto value = parse_number<uint64_t>(digits.empty() ? "0" : digits, 16);
    print(value ? fmt::format("{}", *value) : fmt::format("0x{}", digits));
  }

  void constant(bool in_value) {
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

  void character() {
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
  void structure(char tag, bool in_value) {
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
  void text() {
    std::string_view digits = hex_digits();
    if (digits.size() % 2 != 0) fail();
    std::string bytes;
    for (; ok_ && digits.size() >= 2; digits.remove_prefix(2))
      bytes += static_cast<char>(parse_number<uint8_t>(digits.substr(0, 2), 16).value_or(0));
    print(fmt::format("\"{}\"", printable_line(bytes, limit_)));
  }
  void variant() {
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

  size_t limit_, steps_ = 0;
  int depth_ = 0;
  uint64_t bound_ = 0;
  bool silent_ = false;
  std::string out_;
};

}  // namespace

std::optional<std::string> demangle_rust_v0(std::string_view mangled, size_t limit) {
  if (!mangled.starts_with("_R")) return std::nullopt;
  mangled.remove_prefix(2);
  // What LLVM adds is no part of the name: ".llvm.1234" tells nothing, the rest (".cold") is shown as it is.
  size_t dot = mangled.find('.');
  std::string_view suffix = dot == std::string_view::npos ? "" : mangled.substr(dot);
  if (suffix.starts_with(".llvm.")) suffix.remove_prefix(std::min(suffix.find('.', 6), suffix.size()));
  mangled = mangled.substr(0, dot);
  if (mangled.empty() || mangled[0] < 'A' || mangled[0] > 'Z') return std::nullopt;  // a digit: a later version
  auto name = Demangler(mangled, limit).run();
  if (name) *name += suffix;
  return name;
}

}  // namespace ec
