#include "collector/profile/goroutine_dump.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostFrames = 256;  // Go elides after 100
constexpr size_t kLongestName = 300, kLongestReason = 600;
constexpr int kReasonLines = 40;  // between a reason and the first stack: the runtime's own stack may stand there
constexpr int kQuietLines = 25;   // lines that are no part of a dump end it; registers are 21

struct Title {
  uint64_t id = 0, minutes = 0;
  std::string_view state;
  bool locked = false;
};

// "goroutine 18 gp=0xc0000069c0 m=nil [chan receive, 5 minutes, locked to thread]:"
std::optional<Title> parse_title(std::string_view text) {
  constexpr std::string_view kWord = "goroutine ";
  if (!text.starts_with(kWord)) return std::nullopt;
  FieldCursor fields(text.substr(kWord.size()));
  auto id = fields.number<uint64_t>();
  size_t open = text.find(" [");
  size_t close = open == std::string_view::npos ? open : text.find(']', open);
  if (!id || close == std::string_view::npos || text.find(':', close) == std::string_view::npos) return std::nullopt;
  Title title{*id, 0, {}, false};
  auto parts = split(text.substr(open + 2, close - open - 2), ',');
  title.state = trim(parts[0]);
  for (size_t i = 1; i < parts.size(); ++i) {
    auto part = trim(parts[i]);
    if (part == "locked to thread") title.locked = true;
    FieldCursor words(part);
    if (auto minutes = words.number<uint64_t>(); minutes && trim(words.rest()) == "minutes") title.minutes = *minutes;
  }
  return title;
}

// "main.(*store).get(0xc000028380, {0x0?, 0x405c19?})" → "main.(*store).get"
std::optional<std::string_view> function_of(std::string_view text) {
  if (!text.ends_with(')') && text != "non-Go function") return std::nullopt;
  size_t open = text.rfind('(');
  if (open == std::string_view::npos) return text;
  return open == 0 || text.front() == '[' ? std::nullopt : std::optional(text.substr(0, open));
}

// "/src/main.go:31 +0x1b fp=0xc0000387b8 sp=0xc000038798 pc=0x4b605b" → "/src/main.go:31"
std::string_view without_numbers(std::string_view place) {
  return place.substr(0, std::min(place.find(" +0x"), place.find(" fp=0x")));
}

std::string_view without_creator_id(std::string_view text) {
  size_t in = text.rfind(" in goroutine ");
  return in == std::string_view::npos ? text : text.substr(0, in);
}

// Where the reason of a dump begins in a line, after the prefix of a log: "panic: ", "fatal error: ", "SIGQUIT: quit",
// "http: panic serving 10.0.0.1:80: ".
size_t reason_at(std::string_view line) {
  for (std::string_view word : {"http: panic serving ", "panic: ", "fatal error: "})
    if (size_t at = line.find(word); at != std::string_view::npos) return at;
  for (size_t at = line.find("SIG"); at != std::string_view::npos; at = line.find("SIG", at + 3)) {
    size_t end = line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", at);
    if (end != std::string_view::npos && end > at + 4 && line.substr(end).starts_with(": ")) return at;
  }
  return std::string_view::npos;
}

bool is_of_runtime(std::string_view function) {
  return function == "panic" || function.starts_with("runtime.") || function.starts_with("runtime/") ||
         function.starts_with("internal/");
}

struct OneGoroutine {
  Title title;
  std::string state;
  std::vector<TextFrame> frames;
  TextFrame creator;
  bool elided = false, no_stack = false;
};

class Reader {
 public:
  Reader(std::string_view text, size_t limit) : lines_("", text), limit_(limit) {}

  std::vector<GoroutineDump> read() {
    while (auto line = lines_.next()) {
      if (dumps_.size() >= limit_ && !open_) break;
      take(*line);
    }
    finish_dump();
    return std::move(dumps_);
  }

 private:
  void take(std::string_view line) {
    size_t at = line.find("goroutine ");
    if (at != std::string_view::npos && at < kLongestName)
      if (auto title = parse_title(line.substr(at))) return begin_goroutine(line, at, *title);
    if (goroutine_ && take_frame(line)) return;
    if (open_ && ++quiet_ > kQuietLines) finish_dump();
    take_reason(line);
  }

  void take_reason(std::string_view line) {
    int number = lines_.line_number();
    if (!reason_.empty() && number - reason_line_ < kReasonLines) {
      auto own = reason_prefix_.strip(line).value_or("");
      if (own.starts_with("\tpanic: ") || own.starts_with("\tfatal error: ")) {
        if (reason_.size() < kLongestReason) reason_ += "; then " + printable_line(trim(own), kLongestReason);
        return;
      }
      if (own.starts_with("[signal ")) {
        signal_ = printable_line(trim(own.substr(1, own.find(']') - 1)), kLongestReason);
        return;
      }
    }
    size_t at = reason_at(line);
    if (at == std::string_view::npos) return;
    // A second reason before any stack: "panic: …" and then "fatal error: …" of its consequence. The first one is it.
    bool follows = !reason_.empty() && number - reason_line_ < kReasonLines && !reason_used_;
    if (follows) return;
    reason_ = printable_line(trim(line.substr(at)), kLongestReason);
    reason_prefix_ = LinePrefix(line, at);
    reason_line_ = number;
    reason_used_ = false;
    signal_.clear();
  }

  void begin_goroutine(std::string_view line, size_t at, const Title& title) {
    bool new_reason = !reason_.empty() && !reason_used_ && lines_.line_number() - reason_line_ < kReasonLines;
    finish_goroutine();
    // Lines that may be of others are passed over while a goroutine is read: the reason was one of them.
    if (open_ && new_reason && open_->first_line < reason_line_)
      open_->last_line = std::min(open_->last_line, reason_line_ - 1);
    if (open_ && (new_reason || ids_.contains(title.id))) finish_dump();
    if (!open_) {
      open_.emplace();
      open_->first_line = lines_.line_number();
      if (new_reason) {
        open_->first_line = std::max(reason_line_, end_ + 1);
        open_->reason = std::move(reason_);
        open_->signal = std::move(signal_);
        open_->survived = open_->reason.starts_with("http: panic serving ");
        open_->failed = title.id;
      }
      reason_.clear();
      signal_.clear();
      reason_used_ = true;
    }
    open_->last_line = lines_.line_number();
    ids_.insert(title.id);
    goroutine_.emplace();
    goroutine_->title = title;
    goroutine_->state = printable_line(title.state, kLongestName);
    prefix_ = LinePrefix(line, at);
    wants_place_ = nullptr;
    quiet_ = 0;
  }

  // False when the line is no part of the stack of the goroutine, which then has ended.
  bool take_frame(std::string_view line) {
    auto own = prefix_.strip(line);
    auto text = trim(own.value_or(""));
    std::string_view file;
    uint64_t number = 0;
    if (!own || text.empty()) {
      // A log without empty lines goes on to the next one.
      if (own) finish_goroutine();
      return own.has_value();
    }
    OneGoroutine& goroutine = *goroutine_;
    if (wants_place_ && split_place(without_numbers(text), file, number)) {
      wants_place_->file = printable_line(file, kLongestName);
      wants_place_->line = number;
      wants_place_ = nullptr;
      return advance();
    }
    wants_place_ = nullptr;
    if (text.starts_with("created by ")) {
      goroutine.creator.function = printable_line(without_creator_id(text.substr(11)), kLongestName);
      wants_place_ = &goroutine.creator;
      return advance();
    }
    if (text.starts_with("...") && text.ends_with("frames elided...")) {
      goroutine.elided = true;
      return advance();
    }
    if (text.starts_with("goroutine running on other thread")) {
      goroutine.no_stack = true;
      return advance();
    }
    if (text.starts_with("[originating from goroutine ")) return advance();
    auto function = function_of(text);
    if (!function) {
      finish_goroutine();
      return false;
    }
    if (goroutine.frames.size() < kMostFrames) {
      goroutine.frames.push_back({printable_line(*function, kLongestName), {}, 0});
      wants_place_ = &goroutine.frames.back();
    }
    return advance();
  }

  bool advance() {
    open_->last_line = lines_.line_number();
    quiet_ = 0;
    return true;
  }

  void finish_goroutine() {
    if (!goroutine_) return;
    OneGoroutine& one = *goroutine_;
    ++open_->goroutines;
    if (open_->goroutines == 1 && !open_->reason.empty()) {
      open_->failed_frames = one.frames;
      open_->survived |= !one.frames.empty() && one.frames[0].function.starts_with("runtime/debug.");
    }
    std::string key = one.state + '\n' + one.creator.function + '\n' + (one.no_stack ? '1' : '0');
    for (const TextFrame& frame : one.frames) key += '\n' + frame.function;
    auto [place, is_new] = by_key_.try_emplace(std::move(key), open_->groups.size());
    if (is_new) open_->groups.emplace_back();
    DumpedGoroutines& group = open_->groups[place->second];
    if (is_new) {
      group.state = std::move(one.state);
      group.frames = std::move(one.frames);
      group.creator = std::move(one.creator);
      group.no_stack = one.no_stack;
    }
    ++group.count;
    group.elided |= one.elided;
    group.locked_to_thread += one.title.locked ? 1 : 0;
    group.longest_minutes = std::max(group.longest_minutes, one.title.minutes);
    if (group.ids.size() < DumpedGoroutines::kMostIds) group.ids.push_back(one.title.id);
    goroutine_.reset();
    wants_place_ = nullptr;
  }

  void finish_dump() {
    finish_goroutine();
    if (!open_) return;
    end_ = open_->last_line;
    find_place(*open_);
    std::stable_sort(open_->groups.begin(), open_->groups.end(), [](const auto& a, const auto& b) {
      return a.count != b.count ? a.count > b.count : a.longest_minutes > b.longest_minutes;
    });
    if (dumps_.size() < limit_) dumps_.push_back(std::move(*open_));
    open_.reset();
    by_key_.clear();
    ids_.clear();
    quiet_ = 0;
  }

  // What failed is below the innermost panic when somebody caught it: above are those who print the stack.
  static void find_place(GoroutineDump& dump) {
    auto begin = dump.failed_frames.begin(), end = dump.failed_frames.end();
    if (dump.survived)
      if (auto panic = std::find_if(begin, end, [](const TextFrame& frame) { return frame.function == "panic"; });
          panic != end)
        begin = panic;
    auto own = std::find_if(begin, end, [](const TextFrame& frame) { return !is_of_runtime(frame.function); });
    if (own != end) dump.at = *own;
  }

  LineCursor lines_;
  size_t limit_;
  std::vector<GoroutineDump> dumps_;
  std::string reason_, signal_;
  LinePrefix reason_prefix_, prefix_;
  int reason_line_ = 0, quiet_ = 0, end_ = 0;  // end_: the last line of the dump before
  bool reason_used_ = false;
  std::optional<GoroutineDump> open_;
  std::optional<OneGoroutine> goroutine_;  // of open_
  TextFrame* wants_place_ = nullptr;       // of goroutine_
  std::map<std::string, size_t> by_key_;
  std::unordered_set<uint64_t> ids_;
};

}  // namespace

std::vector<GoroutineDump> find_goroutine_dumps(std::string_view text, size_t limit) {
  return Reader(text, limit).read();
}

Result<GoroutineDump> parse_goroutine_dump(std::string_view where, std::string_view text) {
  auto dumps = find_goroutine_dumps(text);
  auto largest = std::max_element(dumps.begin(), dumps.end(),
                                  [](const auto& a, const auto& b) { return a.goroutines < b.goroutines; });
  if (largest == dumps.end())
    return fail(ErrorCode::kMalformed, std::string(where), "expected 'goroutine N [STATE]:' and its stack");
  return std::move(*largest);
}

std::string minutes_words(uint64_t minutes) {
  return minutes < 120 ? fmt::format("{} min", minutes) : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

Goroutines goroutines_of(const GoroutineDump& dump) {
  Goroutines result{dump.goroutines, {}};
  for (const DumpedGoroutines& group : dump.groups) {
    std::vector<std::string> functions;
    for (const TextFrame& frame : group.frames) functions.push_back(frame.function);
    result.groups.push_back({group.count, std::move(functions)});
  }
  return result;
}

}  // namespace ec
