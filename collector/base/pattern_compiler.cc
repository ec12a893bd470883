#include <algorithm>
#include <optional>

#include "collector/base/pattern.h"
#include "collector/base/text.h"
#include "collector/base/utf8.h"

namespace ec {

namespace {

constexpr size_t kMostSteps = 5000, kMostNested = 200;
constexpr uint32_t kMostRepeats = 1000;  // as RE2

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

// The classes that a letter behind a backslash stands for: perlre(1), ASCII.
std::optional<Ranges> class_of(char letter) {
  switch (letter) {
    case 'd':
      return Ranges{{'0', '9'}};
    case 'w':
      return Ranges{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return Ranges{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    default:
      return std::nullopt;
  }
}

std::optional<Ranges> class_named(std::string_view name) {
  static const std::pair<std::string_view, Ranges> kNamed[] = {
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"digit", {{'0', '9'}}},
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"upper", {{'A', 'Z'}}},
      {"lower", {{'a', 'z'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
  };
  for (const auto& [known, ranges] : kNamed)
    if (known == name) return ranges;
  return std::nullopt;
}

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges rest;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) rest.emplace_back(next, first - 1);
    next = std::max(next, last + 1);
  }
  if (next <= 0x10ffff) rest.emplace_back(next, 0x10ffff);
  return rest;
}

void append(Ranges& to, const Ranges& from) { to.insert(to.end(), from.begin(), from.end()); }

struct Wrong {
  std::string what;
};

}  // namespace

// Writes the steps while it reads. A piece of code only goes to places of its own and to the one behind it, so what
// comes before a piece, a choice or a loop, can be put there when the piece is known.
class PatternCompiler {
 public:
  PatternCompiler(std::string_view text, Pattern& out) : text_(text), out_(out) {}

  void compile() {
    alternatives(0);
    if (at_ < text_.size()) throw Wrong{"an unexpected )"};
    add({Pattern::Op::kMatch});
  }

 private:
  using Op = Pattern::Op;
  struct Flags {
    bool fold = false, dot_all = false, multi_line = false;
  };

  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }
  bool accept(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  uint32_t point() { return next_point(text_, at_); }

  void room(size_t more_steps) const {
    if (out_.code_.size() + more_steps > kMostSteps) throw Wrong{"more steps than are kept"};
  }
  void add(Pattern::Step step) {
    room(1);
    out_.code_.push_back(step);
  }
  void insert(size_t at, Pattern::Step step) {
    room(1);
    out_.code_.insert(out_.code_.begin() + static_cast<std::ptrdiff_t>(at), step);
  }
  int32_t length_from(size_t start) const { return static_cast<int32_t>(out_.code_.size() - start); }

  void alternatives(size_t depth) {
    if (depth > kMostNested) throw Wrong{"parentheses that are nested too deep"};
    size_t start = out_.code_.size();
    sequence(depth);
    if (!accept("|")) return;
    std::vector<size_t> ends;
    do {
      insert(start, {Op::kSplit, 0, 1, length_from(start) + 2});
      ends.push_back(out_.code_.size());
      add({Op::kSplit, 0, 0, 0});
      start = out_.code_.size();
      sequence(depth);
    } while (accept("|"));
    for (size_t end : ends) out_.code_[end].first = out_.code_[end].second = length_from(end);
  }

  void sequence(size_t depth) {
    while (more() && peek() != '|' && peek() != ')') {
      size_t start = out_.code_.size();
      if (!piece(depth)) continue;
      while (more() && repeat(start)) {
      }
    }
  }

  // False when there is nothing to repeat: flags.
  bool piece(size_t depth) {
    if (accept("(")) return group(depth);
    if (accept("[")) return set(), true;
    if (accept("\\")) return escape(), true;
    if (accept(".")) return add({flags_.dot_all ? Op::kAny : Op::kAnyButNewline}), true;
    if (accept("^")) return add({flags_.multi_line ? Op::kLineBegin : Op::kBegin}), true;
    if (accept("$")) return add({flags_.multi_line ? Op::kLineEnd : Op::kEnd}), true;
    if (peek() == '*' || peek() == '+' || peek() == '?')
      throw Wrong{fmt::format("nothing before {} to repeat", peek())};
    return literal(point()), true;
  }

  bool group(size_t depth) {
    Flags outer = flags_;
    if (accept("?P<") || accept("?<")) {
      size_t end = text_.find('>', at_);
      if (end == std::string_view::npos) throw Wrong{"a name of a group without >"};
      at_ = end + 1;
    } else if (accept("?")) {
      if (flags()) return false;  // for the rest of the group around
    }
    alternatives(depth + 1);
    if (!accept(")")) throw Wrong{"a missing )"};
    flags_ = outer;
    return true;
  }

  // "i)" for what follows, "i:" for the group that it opens. True for the first.
  bool flags() {
    bool on = true;
    while (more()) switch (char letter = text_[at_++]) {
        case 'i':
          flags_.fold = on;
          break;
        case 's':
          flags_.dot_all = on;
          break;
        case 'm':
          flags_.multi_line = on;
          break;
        case 'U':
          break;  // which match is found does not matter
        case '-':
          on = false;
          break;
        case ':':
          return false;
        case ')':
          return true;
        default:
          throw Wrong{fmt::format("an unknown flag {}", printable_line({&letter, 1}))};
      }
    throw Wrong{"a missing )"};
  }

  void literal(uint32_t point) {
    bool letter = (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
    if (flags_.fold && letter) return add_set({{point | 0x20, point | 0x20}, {point & ~0x20u, point & ~0x20u}}, false);
    add({Op::kPoint, point});
  }

  void add_set(Ranges ranges, bool negated) {
    out_.sets_.push_back({std::move(ranges), negated});
    add({Op::kSet, static_cast<uint32_t>(out_.sets_.size() - 1)});
  }

  void escape() {
    if (!more()) throw Wrong{"a backslash at the end"};
    char letter = peek();
    if (auto ranges = class_of(letter)) return ++at_, add_set(*ranges, false);
    if (auto ranges = class_of(static_cast<char>(letter | 0x20)); ranges && letter >= 'A' && letter <= 'Z')
      return ++at_, add_set(*ranges, true);
    if (accept("A")) return add({Op::kBegin});
    if (accept("z")) return add({Op::kEnd});
    if (accept("b")) return add({Op::kWordEdge});
    if (accept("B")) return add({Op::kNoWordEdge});
    if (accept("Q")) {
      size_t end = std::min(text_.find("\\E", at_), text_.size());
      while (at_ < end) literal(point());
      accept("\\E");
      return;
    }
    literal(escaped_point());
  }

  // Behind the backslash: a character as it is, or one by its number.
  uint32_t escaped_point() {
    static constexpr std::string_view kLetters = "aftnrv", kMeant = "\a\f\t\n\r\v";
    if (!more()) throw Wrong{"a backslash at the end"};
    if (size_t known = kLetters.find(peek()); known != std::string_view::npos)
      return ++at_, static_cast<uint32_t>(kMeant[known]);
    if (accept("x")) {
      bool braced = accept("{");
      std::string_view digits = text_.substr(at_, braced ? 7 : 2);
      if (braced) digits = digits.substr(0, digits.find('}'));
      auto value = parse_number<uint32_t>(digits, 16);
      at_ += digits.size();
      if (!value || *value > 0x10ffff || (braced && !accept("}"))) throw Wrong{"\\x without a number"};
      return *value;
    }
    char letter = peek();
    bool word =
        (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (word) throw Wrong{fmt::format("an unknown escape \\{}", letter)};
    return point();
  }

  void set() {
    bool negated = accept("^");
    Ranges ranges;
    do {  // a ] that comes first is one of the set
      if (!more()) throw Wrong{"a missing ]"};
      set_item(ranges);
    } while (!accept("]"));
    if (flags_.fold) {
      Ranges folded;
      for (auto [low, high] : ranges)
        for (uint32_t point = std::max<uint32_t>(low, 'A'); point <= std::min<uint32_t>(high, 'z'); ++point)
          if ((point | 0x20) >= 'a' && (point | 0x20) <= 'z') folded.emplace_back(point ^ 0x20, point ^ 0x20);
      append(ranges, folded);
    }
    add_set(std::move(ranges), negated);
  }

  void set_item(Ranges& ranges) {
    if (accept("[:")) {
      bool negated = accept("^");
      constexpr size_t kLongestName = 8;
      std::string_view name = text_.substr(at_, kLongestName);
      name = name.substr(0, name.find(':'));
      auto named = class_named(name);
      at_ += name.size();
      if (!named || !accept(":]")) throw Wrong{"an unknown [:class:]"};
      return append(ranges, negated ? complement(*named) : *named);
    }
    if (text_.substr(at_).starts_with("\\") && at_ + 1 < text_.size()) {
      char letter = text_[at_ + 1];
      if (auto known = class_of(letter)) return at_ += 2, append(ranges, *known);
      if (letter == 'D' || letter == 'W' || letter == 'S')
        return at_ += 2, append(ranges, complement(*class_of(static_cast<char>(letter | 0x20))));
    }
    auto one = [&] { return accept("\\") ? escaped_point() : point(); };
    uint32_t low = one(), high = low;
    if (text_.substr(at_).starts_with("-") && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
      ++at_;
      high = one();
    }
    if (high < low) throw Wrong{"a range that ends before it begins"};
    ranges.emplace_back(low, high);
  }

  bool repeat(size_t start) {
    if (accept("*")) {
      star(start);
    } else if (accept("+")) {
      add({Op::kSplit, 0, -length_from(start), 1});
    } else if (accept("?")) {
      insert(start, {Op::kSplit, 0, 1, length_from(start) + 1});
    } else if (!counted(start)) {
      return false;
    }
    accept("?");  // the shortest match first: whether there is one is the same
    return true;
  }

  void star(size_t start) {
    insert(start, {Op::kSplit, 0, 1, length_from(start) + 2});
    int32_t back = -length_from(start);
    add({Op::kSplit, 0, back, back});
  }

  // {2}, {2,}, {2,5}; other braces are characters.
  bool counted(size_t start) {
    constexpr size_t kLongestCount = 12;
    if (peek() != '{') return false;
    std::string_view inner = text_.substr(at_ + 1, kLongestCount);
    size_t length = inner.find('}');
    if (length == std::string_view::npos) return false;
    inner = inner.substr(0, length);
    size_t comma = inner.find(',');
    auto least = parse_number<uint32_t>(inner.substr(0, comma));
    bool open = comma + 1 == inner.size();
    auto most = comma == std::string_view::npos ? least : parse_number<uint32_t>(inner.substr(comma + 1));
    if (!least || (!open && !most)) return false;
    at_ += length + 2;
    if (*least > kMostRepeats || (most && (*most > kMostRepeats || *most < *least))) throw Wrong{"a bad count in {}"};
    std::vector<Pattern::Step> block(out_.code_.begin() + static_cast<std::ptrdiff_t>(start), out_.code_.end());
    out_.code_.resize(start);
    for (uint32_t i = 0; i < *least; ++i) add_block(block);
    if (open) {
      size_t loop = out_.code_.size();
      add_block(block);
      star(loop);
    }
    std::vector<size_t> choices;
    for (uint32_t i = *least; most && !open && i < *most; ++i) {
      choices.push_back(out_.code_.size());
      add({Op::kSplit});
      add_block(block);
    }
    for (size_t choice : choices) out_.code_[choice].second = length_from(choice);
    return true;
  }

  void add_block(const std::vector<Pattern::Step>& block) {
    room(block.size());
    out_.code_.insert(out_.code_.end(), block.begin(), block.end());
  }

  std::string_view text_;
  Pattern& out_;
  size_t at_ = 0;
  Flags flags_;
};

Result<Pattern> Pattern::compile(std::string_view where, std::string_view text) {
  Pattern pattern;
  try {
    PatternCompiler(text, pattern).compile();
  } catch (const Wrong& wrong) {
    return fail(ErrorCode::kUsage, std::string(where),
                fmt::format("the regular expression '{}' has {}", printable_line(text, 100), wrong.what));
  }
  pattern.is_literal_ = std::all_of(pattern.code_.begin(), pattern.code_.end() - 1,
                                    [](const Step& step) { return step.op == Op::kPoint && step.value < 0x80; });
  pattern.begins_ = pattern.code_.front().op == Op::kBegin;
  if (pattern.is_literal_)
    for (const Step& step : pattern.code_)
      if (step.op == Op::kPoint) append_utf8(pattern.literal_, step.value);
  return pattern;
}

}  // namespace ec
