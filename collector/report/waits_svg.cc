#include "collector/report/waits_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "collector/analysis/wait_words.h"
#include "collector/analysis/words.h"
#include "collector/report/text_layout.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr int kBoxWidth = 210, kBoxHeight = 46, kGapX = 56, kRowHeight = 62, kMargin = 20, kHeader = 46;
constexpr size_t kMostRows = 40, kMostColumns = 16;
constexpr size_t kColumnsOfText = 30;  // at 12 px in a box

std::string escaped(std::string_view text, size_t columns = kColumnsOfText) {
  std::string out;
  for (char c : clip(plain_line(text, 200), columns)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// Every function of a program may be in its anonymous namespace: in a small box that says nothing.
std::string short_function(const ThreadIndex& index, int tid) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  std::string name = program_function(index, tid);
  return name.starts_with(kAnonymous) ? name.substr(kAnonymous.size()) : name;
}

enum class Shape { kThread, kObject, kCrowd };

struct Box {
  Shape shape = Shape::kThread;
  std::string first, second;  // lines of text
  std::string hint;           // shown by browsers over the box
  size_t depth = 0;           // columns from the right
  size_t row = 0;
  bool in_cycle = false;
};

// One arrow from the left box to the right one, or back to the left where a circle closes.
struct Arrow {
  size_t from = 0, to = 0;
  bool in_cycle = false, inferred = false;
};

// Rows are given out from the top: an object stands left of its owner, its waiters left of it.
class Picture {
 public:
  Picture(const ThreadIndex& index, const WaitGraph& graph) : index_(index), graph_(graph) {
    for (auto& cycle : graph.cycles) in_cycle_.insert(cycle.begin(), cycle.end());
    for (auto& object : graph.objects)
      if (object.owner != 0) held_by_[object.owner].push_back(&object);
  }

  std::string draw(const Snapshot& snapshot) {
    for (auto& cycle : graph_.cycles)
      for (int tid : cycle) thread(tid, 0);
    for (auto& cycle : graph_.cycles)
      for (int tid : cycle) close_circle(tid);
    for (auto& root : graph_.roots) thread(root.tid, 0);
    for (auto& object : graph_.objects)
      if (object.owner == 0 && is_lock(object.kind) && next_row_ < kMostRows) {
        size_t row = next_row_;
        this->object(object, 1);
        next_row_ = std::max(next_row_, row + 1);
      }
    return boxes_.empty() ? "" : text(snapshot);
  }

 private:
  size_t add(Box box) {
    box.row = next_row_;
    boxes_.push_back(std::move(box));
    return boxes_.size() - 1;
  }

  bool is_drawn(int tid) const { return drawn_.contains(tid); }

  // The thread, and left of it what it holds.
  std::optional<size_t> thread(int tid, size_t depth) {
    if (is_drawn(tid)) return drawn_.at(tid);
    if (next_row_ >= kMostRows || depth >= kMostColumns) return std::nullopt;
    auto* thread = index_.thread(tid);
    Box box;
    box.first = spoken_thread(index_, tid);
    box.second = short_function(index_, tid);
    box.hint = thread ? doing(index_, *thread) : "";
    box.depth = depth;
    box.in_cycle = in_cycle_.contains(tid);
    // Who waits for nobody is said with what it does.
    if (auto* wait = graph_.wait_of(tid); thread && (!wait || wait->owner == 0)) {
      box.second = doing(index_, *thread);
      box.hint = program_function(index_, tid);
    }
    size_t row = next_row_;
    size_t place = add(std::move(box));
    drawn_[tid] = place;
    for (auto* held : held_by_[tid])
      if (next_row_ < kMostRows)
        if (auto left = object(*held, depth + 1))
          arrows_.push_back({*left, place, is_in_circle(*held), held->inferred});
    next_row_ = std::max(next_row_, row + 1);
    return place;
  }

  bool is_in_circle(const WaitObject& object) const {
    return in_cycle_.contains(object.owner) && std::any_of(object.waiters.begin(), object.waiters.end(),
                                                           [&](int waiter) { return in_cycle_.contains(waiter); });
  }

  // The object, and left of it who waits: those that others wait for one by one, the rest as one box.
  std::optional<size_t> object(const WaitObject& object, size_t depth) {
    if (next_row_ >= kMostRows || depth >= kMostColumns) return std::nullopt;
    Box box;
    box.shape = Shape::kObject;
    box.first = fmt::format("{} {}", object_kind(object), object.symbol);
    box.second = fmt::format("{:#x}", object.address);
    if (object.owner == 0)
      box.second +=
          object.readers > 0 ? fmt::format(", {} inside", counted(object.readers, "reader")) : ", owner unknown";
    box.hint = object_words(object);
    box.depth = depth;
    box.in_cycle = is_in_circle(object);
    size_t row = next_row_;
    size_t place = add(std::move(box));
    object_place_[object.address] = place;
    std::vector<int> crowd;
    for (int waiter : object.waiters) {
      if (in_cycle_.contains(waiter)) continue;  // drawn on its own, see close_circle()
      if (!held_by_.contains(waiter))
        crowd.push_back(waiter);
      else if (auto left = thread(waiter, depth + 1))
        arrows_.push_back({*left, place, false, false});
    }
    if (!crowd.empty() && next_row_ < kMostRows && depth + 1 < kMostColumns) {
      arrows_.push_back({add(crowd_box(crowd, depth + 1)), place, false, false});
      ++next_row_;
    }
    next_row_ = std::max(next_row_, row + 1);
    return place;
  }

  Box crowd_box(const std::vector<int>& tids, size_t depth) const {
    Box box;
    box.shape = Shape::kCrowd;
    box.first = tids.size() == 1 ? spoken_thread(index_, tids.front()) : counted(tids.size(), "thread");
    std::vector<std::string> names;
    for (size_t i = 0; i < std::min<size_t>(tids.size(), 8); ++i) names.push_back(spoken_thread(index_, tids[i]));
    if (tids.size() == 1)
      box.second = short_function(index_, tids.front());
    else
      for (auto& name : names) box.second += (box.second.empty() ? "" : ", ") + name;
    box.hint = enumerate(names, 8);
    if (tids.size() > names.size()) box.hint += fmt::format(" and {} more", tids.size() - names.size());
    box.depth = depth;
    return box;
  }

  void close_circle(int tid) {
    auto* wait = graph_.wait_of(tid);
    auto object = wait ? object_place_.find(wait->object) : object_place_.end();
    if (is_drawn(tid) && object != object_place_.end())
      arrows_.push_back({drawn_.at(tid), object->second, true, wait->inferred});
  }

  std::string text(const Snapshot& snapshot) const {
    size_t deepest = 0, rows = 0;
    for (auto& box : boxes_) deepest = std::max(deepest, box.depth), rows = std::max(rows, box.row + 1);
    int columns = static_cast<int>(deepest) + 1;
    int width = std::max(2 * kMargin + columns * kBoxWidth + (columns - 1) * kGapX, 640);
    auto lines = notes();
    int height = kHeader + static_cast<int>(rows) * kRowHeight + static_cast<int>(lines.size()) * 18 + 2 * kMargin;
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n"
        "<defs>{2}{3}</defs>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        "<text x=\"{4}\" y=\"26\" font-size=\"15\" font-weight=\"bold\">Who waits for whom: {5}</text>\n",
        width, height, marker("a", "#555555"), marker("r", "#c62828"), kMargin, escaped(target_name(snapshot), 60));
    for (auto& arrow : arrows_) draw_arrow(out, arrow, width);
    for (auto& box : boxes_) draw_box(out, box, width);
    int y = kHeader + static_cast<int>(rows) * kRowHeight + kMargin;
    for (auto& line : lines) {
      fmt::format_to(Out(out), "<text x=\"{}\" y=\"{}\" fill=\"#444444\">{}</text>\n", kMargin, y, escaped(line, 160));
      y += 18;
    }
    return out + "</svg>\n";
  }

  static std::string marker(std::string_view id, std::string_view colour) {
    return fmt::format(
        "<marker id=\"{}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"5\" markerHeight=\"5\" "
        "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{}\"/></marker>",
        id, colour);
  }

  static int left_of(const Box& box, int width) {
    return width - kMargin - kBoxWidth - static_cast<int>(box.depth) * (kBoxWidth + kGapX);
  }
  static int top_of(const Box& box) { return kHeader + static_cast<int>(box.row) * kRowHeight; }

  void draw_box(std::string& out, const Box& box, int width) const {
    struct Look {
      std::string_view fill, stroke;
    };
    Look look = box.in_cycle                  ? Look{"#ffebee", "#c62828"}
                : box.shape == Shape::kObject ? Look{"#fff8e1", "#8d6e63"}
                : box.shape == Shape::kCrowd  ? Look{"#eceff1", "#78909c"}
                                              : Look{"#e3f2fd", "#1565c0"};
    int x = left_of(box, width), y = top_of(box), round = box.shape == Shape::kObject ? kBoxHeight / 2 : 4;
    fmt::format_to(Out(out),
                   "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" "
                   "stroke=\"{}\" stroke-width=\"{}\"/>",
                   escaped(box.hint, 300), x, y, kBoxWidth, kBoxHeight, round, look.fill, look.stroke,
                   box.in_cycle ? 2 : 1);
    if (box.shape == Shape::kCrowd)  // more behind it
      fmt::format_to(Out(out), "<path d=\"M{} {}h{}v{}\" fill=\"none\" stroke=\"{}\"/>", x + 4, y - 3, kBoxWidth - 1,
                     kBoxHeight - 1, look.stroke);
    int middle = x + kBoxWidth / 2;
    fmt::format_to(Out(out), "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>", middle,
                   y + 19, escaped(box.first, kColumnsOfText - 2));
    fmt::format_to(Out(out), "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>\n", middle, y + 36,
                   escaped(box.second));
  }

  // In a circle there and back run one below the other.
  void draw_arrow(std::string& out, const Arrow& arrow, int width) const {
    const Box &from = boxes_[arrow.from], &to = boxes_[arrow.to];
    bool back = from.depth < to.depth;
    int shift = !arrow.in_cycle ? 0 : back ? 10 : -10;
    int x1 = left_of(from, width) + (back ? 0 : kBoxWidth), x2 = left_of(to, width) + (back ? kBoxWidth : 0);
    int y1 = top_of(from) + kBoxHeight / 2 + shift, y2 = top_of(to) + kBoxHeight / 2 + shift;
    int bend = back ? -kGapX / 2 : kGapX / 2;
    std::string_view colour = arrow.in_cycle ? "#c62828" : "#555555";
    fmt::format_to(Out(out),
                   "<path d=\"M{} {}C{} {} {} {} {} {}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{} "
                   "marker-end=\"url(#{})\"/>\n",
                   x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2, colour, arrow.in_cycle ? 2 : 1,
                   arrow.inferred ? " stroke-dasharray=\"5 3\"" : "", arrow.in_cycle ? "r" : "a");
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> lines;
    if (!graph_.cycles.empty())
      lines.push_back("Red: a circle. None of its threads can go on before another one does.");
    if (std::any_of(arrows_.begin(), arrows_.end(), [](const Arrow& arrow) { return arrow.inferred; }))
      lines.push_back("Dashed: the owner is not written in memory; it was told from the stacks.");
    size_t left_out = 0;
    std::map<std::string_view, size_t> others;
    for (auto& object : graph_.objects) {
      if (object.owner == 0 && !is_lock(object.kind))
        others[to_string(object.kind)] += object.waiters.size();
      else if (!object_place_.contains(object.address))
        left_out += object.waiters.size();
    }
    if (left_out > 0)
      lines.push_back(fmt::format("{} more wait for locks that are not drawn.", counted(left_out, "thread")));
    for (auto& [kind, count] : others)
      lines.push_back(fmt::format("{} {} for a {}, which nobody holds.", counted(count, "thread"),
                                  count == 1 ? "waits" : "wait", kind));
    return lines;
  }

  const ThreadIndex& index_;
  const WaitGraph& graph_;
  std::set<int> in_cycle_;
  std::map<int, std::vector<const WaitObject*>> held_by_;
  std::vector<Box> boxes_;
  std::vector<Arrow> arrows_;
  std::map<int, size_t> drawn_;
  std::map<uint64_t, size_t> object_place_;
  size_t next_row_ = 0;
};

}  // namespace

std::string waits_svg(const Snapshot& snapshot, const ThreadIndex& index, const WaitGraph& graph) {
  return Picture(index, graph).draw(snapshot);
}

}  // namespace ec
