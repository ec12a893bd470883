#include "symbolize/demangle.h"

#include <cxxabi.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "symbolize/rust_demangle.h"

namespace ec {

namespace {

constexpr size_t kLongest = 4096;
constexpr size_t kHashLength = 19;  // "::h" and 16 hexadecimal digits

// A back reference ("S1_", "T0_") repeats text that may itself hold references, so 250 bytes can stand for gigabytes,
// and
// __cxa_demangle writes them all. Of the 105,000 C++ names in Debian's node and libLLVM three have more than 32; with
// 32 the worst name takes 50 ms. Pack expansions ("Dp", "sp") multiply when they are nested.
bool may_explode(std::string_view mangled) {
  int references = 0, expansions = 0;
  for (size_t i = 0; i + 1 < mangled.size(); ++i) {
    if (mangled[i] == 'D' && mangled[i + 1] == 'p') ++expansions;
    if (mangled[i] != 'S' && mangled[i] != 'T') continue;
    // The number is in base 36, of which 4096 bytes need three digits at most.
    std::string_view number = mangled.substr(i + 1, 4);
    size_t end = number.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (end != std::string_view::npos && number[end] == '_') ++references;
  }
  return references > 32 || expansions > 2 || mangled.find("spsp") != std::string_view::npos;
}

// Without what LLVM may put behind it (".llvm.12345"), which __cxa_demangle refuses; 0 for any other name.
size_t legacy_rust_length(std::string_view name) {
  constexpr std::string_view kHash = "17h";
  constexpr size_t kEnd = kHash.size() + 16;  // digits
  if (!name.starts_with("_ZN")) return 0;
  size_t suffix = name.rfind("E.");
  size_t end = suffix != std::string_view::npos ? suffix : name.size() - 1;
  if (name[end] != 'E' || end < kEnd) return 0;
  std::string_view hash = name.substr(end - kEnd, kEnd);
  bool digits = hash.find_first_not_of("0123456789abcdef", kHash.size()) == std::string_view::npos;
  return hash.starts_with(kHash) && digits ? end + 1 : 0;
}

bool ends_with_rust_hash(std::string_view name) {
  if (name.size() <= kHashLength) return false;
  std::string_view hash = name.substr(name.size() - kHashLength);
  return hash.starts_with("::h") && hash.find_first_not_of("0123456789abcdef", 3) == std::string_view::npos;
}

// rustc_demangle, legacy mangling: "$LT$" is "<", "$u20$" is U+0020, ".." is "::".
std::string undo_rust_escapes(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kEscapes{{{"$SP$", "@"},
                                                                                    {"$BP$", "*"},
                                                                                    {"$RF$", "&"},
                                                                                    {"$LT$", "<"},
                                                                                    {"$GT$", ">"},
                                                                                    {"$LP$", "("},
                                                                                    {"$RP$", ")"},
                                                                                    {"$C$", ","},
                                                                                    {"$u20$", " "},
                                                                                    {"$u27$", "'"},
                                                                                    {"$u5b$", "["},
                                                                                    {"$u5d$", "]"},
                                                                                    {"$u7b$", "{"},
                                                                                    {"$u7d$", "}"},
                                                                                    {"$u7e$", "~"}}};
  std::string text;
  while (!name.empty()) {
    bool replaced = false;
    if (name[0] == '$') {
      for (auto [escape, plain] : kEscapes) {
        if (!name.starts_with(escape)) continue;
        text += plain;
        name.remove_prefix(escape.size());
        replaced = true;
        break;
      }
    } else if (name.starts_with("..")) {
      text += "::";
      name.remove_prefix(2);
      replaced = true;
    } else if (name[0] == '_' && name.starts_with("_$") && (text.empty() || text.ends_with("::"))) {
      name.remove_prefix(1);  // an element may not begin with "$", so rustc puts "_" before it
      replaced = true;
    }
    if (replaced) continue;
    text += name[0];
    name.remove_prefix(1);
  }
  return text;
}

}  // namespace

std::string demangle(std::string_view name) {
  std::string mangled(name);
  if (name.starts_with("_R") && name.size() <= kLongest)
    return demangle_rust_v0(name, kLongest).value_or(std::move(mangled));
  if (!name.starts_with("_Z") || name.size() > kLongest || may_explode(name)) return mangled;
  if (size_t length = legacy_rust_length(name)) mangled.resize(length);
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> plain(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status),
                                                    &std::free);
  if (status != 0 || !plain) return std::string(name);
  std::string text(plain.get());
  if (ends_with_rust_hash(text)) {
    text.resize(text.size() - kHashLength);
    text = undo_rust_escapes(text);
  }
  if (text.size() > kLongest) text.resize(kLongest);
  return text;
}

bool is_rust_name(std::string_view name) { return name.starts_with("_R") || legacy_rust_length(name) > 0; }

}  // namespace ec
