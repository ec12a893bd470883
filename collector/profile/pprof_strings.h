// Rewrites the strings of a profile (profile.proto, see pprof.h) and leaves every other field byte for byte as it was,
// in its order, unknown ones included. What a string is used for decides what may stay of it, so the uses are gathered
// first: the same string may be the name of a function and the value of a label.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ec {

struct PprofStringUse {
  uint8_t label_classes = 0;  // those of the keys of all labels that it is the value of
  bool comment = false;
  bool unknown = false;  // not all labels or their keys are there: it may be the value of any of them
};

struct PprofStringRules {
  // Sorts the keys of labels into classes of the caller's choice, one bit each; 0 = none.
  std::function<uint8_t(std::string_view key)> label_class;
  // What is to stand in the place of `text`, which is not empty; nothing when it stays. Called once for each string in
  // the order of the table, and for fields of bytes that profile.proto does not know.
  std::function<std::optional<std::string>(std::string_view text, const PprofStringUse& use)> text;
};

struct PprofRewrite {
  // [0, read) of the bytes are whole fields of a profile; less than all of them when it is cut or broken there, or has
  // more than kMostPprofRows strings. 0: no profile.
  size_t read = 0;
  // Those fields with their new strings; nothing when all strings stay.
  std::optional<std::string> bytes;
};

// `bytes` after gunzip(); `cut` when they are known not to be all. Time and memory are bounded by a constant for each
// byte, whatever they hold.
PprofRewrite rewrite_pprof_strings(std::string_view bytes, bool cut, const PprofStringRules& rules);

}  // namespace ec
