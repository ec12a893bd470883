// The grammar of Rust's v0 mangling (RFC 2603), printed while it is read. Private to rust_demangle.cc, which has paths
// and types, and rust_constants.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "symbolize/rust_name_reader.h"

namespace ec {

class RustDemangler : private RustNameReader {
 public:
  RustDemangler(std::string_view text, size_t limit) : RustNameReader(text), limit_(limit) {}
  std::optional<std::string> run();  // once

 private:
  void path(bool in_value);
  void nested(bool in_value);
  void generic_argument();
  void lifetime(uint64_t index);
  void type();
  void function();
  void dynamic();
  bool open_path();
  void dynamic_trait();

  // rust_constants.cc. `in_value`: within an expression, where no braces are needed.
  void number();
  void constant(bool in_value);
  void character();
  void structure(char tag, bool in_value);
  void text();
  void variant();

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

  template <class Item>
  size_t list(Item item) {
    size_t count = 0;
    while (ok_ && !eat('E')) {
      if (count++ > 0) print(", ");
      item();
    }
    return count;
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

  static constexpr int kDeepest = 200;
  static constexpr size_t kMostSteps = 20'000;
  bool deeper() { return ++depth_ > kDeepest || ++steps_ > kMostSteps ? fail() : true; }

  size_t limit_, steps_ = 0;
  int depth_ = 0;
  uint64_t bound_ = 0;
  bool silent_ = false;
  std::string out_;
};

}  // namespace ec
