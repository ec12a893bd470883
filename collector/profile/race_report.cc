#include "collector/profile/race_report.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostFrames = 64, kMostOrigins = 8, kLongestName = 300;
constexpr int kMostLines = 400;  // of one report

std::string lower_first(std::string_view text) {
  std::string words = printable_line(text, kLongestName);
  if (!words.empty()) words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

// The part between two words, or up to the end; nothing when `after` is not there.
std::optional<std::string_view> between(std::string_view text, std::string_view after, std::string_view before) {
  size_t begin = text.find(after);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + after.size());
  return text.substr(0, text.find(before));
}

// "Previous write of size 4 at 0x5589 by thread T1 (mutexes: write M0):", "Read at 0x00c0 by goroutine 7:"
std::optional<RaceAccess> access_of(std::string_view text, bool& previous) {
  previous = text.starts_with("Previous ");
  if (previous) text.remove_prefix(9);
  size_t at = text.find(" at 0x"), by = text.find(" by ");
  if (at == std::string_view::npos || by == std::string_view::npos || by < at) return std::nullopt;
  std::string what = lower_first(text.substr(0, at));
  bool known = what.starts_with("read") || what.starts_with("write") || what.starts_with("atomic ") ||
               what.starts_with("[failed");
  if (!known) return std::nullopt;
  auto who = text.substr(by + 4);
  who = who.substr(0, std::min(who.find(" (mutexes"), who.find(':')));
  return RaceAccess{std::move(what), printable_line(who, 80), {}};
}

// "Goroutine 8 (running) created at:", "Thread T2 (tid=25465, running) created by main thread at:"
std::optional<RaceOrigin> origin_of(std::string_view text) {
  size_t created = text.find(" created ");
  if (created == std::string_view::npos || !(text.starts_with("Goroutine ") || text.starts_with("Thread ")))
    return std::nullopt;
  RaceOrigin origin;
  origin.what = lower_first(text.substr(0, created));
  if (auto by = between(text.substr(created), " by ", " at")) origin.by = printable_line(trim(*by), 80);
  return origin;
}

// "#0 count_request() /srv/races.cc:14:58 (races+0xd438f) (BuildId: 040d…)"
TextFrame tsan_frame(std::string_view text) {
  text = trim(text.substr(std::min(text.find(' '), text.size())));
  if (size_t id = text.rfind(" (BuildId: "); id != std::string_view::npos) text = text.substr(0, id);
  if (size_t module = text.rfind(" ("); module != std::string_view::npos && text.find("+0x", module) != text.npos)
    text = text.substr(0, module);
  size_t space = text.rfind(' ');
  TextFrame frame{printable_line(text, kLongestName), {}, 0};
  if (space == std::string_view::npos) return frame;
  std::string_view file;
  auto place = text.substr(space + 1);
  if (place != "<null>" && !split_place(place, file, frame.line)) return frame;
  frame.file = printable_line(file, kLongestName);
  frame.function = printable_line(text.substr(0, space), kLongestName);
  if (frame.function == "<null>") frame.function = "?";
  return frame;
}

class Reader {
 public:
  Reader(std::string_view text, size_t limit) : lines_("", text), limit_(limit) {}

  std::vector<RaceReport> read() {
    while (auto line = lines_.next()) {
      if (!begin(*line) && open_) take(*line);
    }
    finish();
    std::stable_sort(races_.begin(), races_.end(),
                     [](const RaceReport& a, const RaceReport& b) { return a.count > b.count; });
    return std::move(races_);
  }

 private:
  bool begin(std::string_view line) {
    constexpr std::string_view kGo = "WARNING: DATA RACE", kTsan = "WARNING: ThreadSanitizer: data race";
    size_t go = line.find(kGo), tsan = line.find(kTsan);
    if (go == std::string_view::npos && tsan == std::string_view::npos) return false;
    finish();
    open_.emplace();
    open_->go = go != std::string_view::npos;
    open_->first_line = lines_.line_number();
    prefix_ = LinePrefix(line, std::min(go, tsan));
    accesses_ = 0;
    frames_ = nullptr;
    return true;
  }

  void take(std::string_view line) {
    auto own = prefix_.strip(line);
    if (!own || lines_.line_number() - open_->first_line > kMostLines) return finish();
    auto text = trim(*own);
    if (text.empty()) return;
    bool previous = false;
    if (text.starts_with("====") || text.starts_with("SUMMARY: ")) return finish();
    if (auto access = access_of(text, previous); access && accesses_ < 2) {
      RaceAccess& place = accesses_++ == 0 ? open_->access : open_->previous;
      place = std::move(*access);
      return take_frames(place.frames);
    }
    if (auto origin = origin_of(text)) return add_origin(std::move(*origin));
    if (text.starts_with("Location is ")) return take_location(text.substr(12));
    if (text.starts_with("[failed to restore the stack]")) return;
    if (frames_) take_frame(text);
  }

  void take_location(std::string_view text) {
    auto what = text.substr(0, std::min(text.find(" at 0x"), text.find(" (")));
    open_->location = printable_line(what, kLongestName);
    frames_ = nullptr;
    if (text.find(" allocated ") == std::string_view::npos) return;
    RaceOrigin origin{open_->location, {}, {}};
    if (auto by = between(text, " by ", ":")) origin.by = printable_line(trim(*by), 80);
    add_origin(std::move(origin));
  }

  void add_origin(RaceOrigin origin) {
    frames_ = nullptr;
    if (open_->origins.size() >= kMostOrigins) return;
    open_->origins.push_back(std::move(origin));
    take_frames(open_->origins.back().frames);
  }

  void take_frames(std::vector<TextFrame>& frames) { frames_ = &frames; }

  void take_frame(std::string_view text) {
    if (frames_->size() >= kMostFrames) return;
    if (!open_->go) {
      if (text.starts_with('#')) frames_->push_back(tsan_frame(text));
      return;
    }
    // "main.race.func1()", and on the next line "/src/main.go:91 +0x58".
    std::string_view file;
    auto place = text.substr(0, text.find(" +0x"));
    if (text.ends_with("()"))
      frames_->push_back({printable_line(text.substr(0, text.size() - 2), kLongestName), {}, 0});
    else if (!frames_->empty() && frames_->back().file.empty() && split_place(place, file, frames_->back().line))
      frames_->back().file = printable_line(file, kLongestName);
  }

  void finish() {
    frames_ = nullptr;
    if (!open_ || accesses_ == 0) return open_.reset();
    auto innermost = [](const RaceAccess& access) {
      return access.frames.empty() ? access.what : frame_words(access.frames.front());
    };
    std::string one = innermost(open_->access), other = innermost(open_->previous);
    if (other < one) std::swap(one, other);
    std::string key = one + '\n' + other;
    auto known = by_places_.find(key);
    if (known == by_places_.end() && races_.size() < limit_) {
      known = by_places_.emplace(std::move(key), races_.size()).first;
      races_.push_back(std::move(*open_));
    }
    if (known != by_places_.end()) ++races_[known->second].count;
    open_.reset();
  }

  LineCursor lines_;
  size_t limit_;
  LinePrefix prefix_;
  std::optional<RaceReport> open_;
  int accesses_ = 0;
  std::vector<TextFrame>* frames_ = nullptr;  // of open_: where frames go
  std::map<std::string, size_t> by_places_;
  std::vector<RaceReport> races_;
};

}  // namespace

std::vector<RaceReport> find_races(std::string_view text, size_t limit) { return Reader(text, limit).read(); }

std::string access_words(const RaceAccess& access) {
  std::string words = access.what;
  if (!access.frames.empty()) words += " in " + frame_words(access.frames.front());
  return access.who.empty() ? words : words + " by " + access.who;
}

}  // namespace ec
