#include "collector/report/flame_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr double kWidth = 1200, kMargin = 10, kRow = 17, kLetter = 6.6, kThinnest = kWidth / 1000;
constexpr size_t kDeepest = 400;

struct Node {
  uint64_t weight = 0;
  std::map<std::string, std::unique_ptr<Node>> children;
};

size_t depth_of(const Node& node) {
  size_t deepest = 0;
  for (const auto& [name, child] : node.children) deepest = std::max(deepest, depth_of(*child));
  return deepest + 1;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : printable_line(text, 400)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

// What fits into the box; whole UTF-8 letters only.
std::string clipped(std::string_view name, double width) {
  auto room = static_cast<size_t>(std::max(0.0, (width - 6) / kLetter));
  if (room < 3) return {};
  if (name.size() <= room) return std::string(name);
  size_t end = room - 2;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return std::string(name.substr(0, end)) + "..";
}

// Warm colours, the same for one name everywhere.
std::string colour_of(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return fmt::format("rgb({},{},{})", 205 + hash % 50, 90 + (hash >> 8) % 120, 40 + (hash >> 16) % 50);
}

class Drawing {
 public:
  Drawing(uint64_t total, size_t rows) : total_(total), rows_(rows) {}

  void draw(const Node& node, const std::string& name, size_t row, double left) {
    double width = (kWidth - 2 * kMargin) * static_cast<double>(node.weight) / static_cast<double>(total_);
    if (width < kThinnest || row >= rows_) {
      left_out_ += node.weight;
      return;
    }
    double top = 30 + kRow * static_cast<double>(rows_ - 1 - row);
    fmt::format_to(std::back_inserter(boxes_),
                   "<g><title>{0}: {1} ({2:.1f} %)</title><rect x=\"{3:.1f}\" y=\"{4:.0f}\" width=\"{5:.1f}\" "
                   "height=\"{6:.0f}\" fill=\"{7}\" rx=\"1\"/><text x=\"{8:.1f}\" y=\"{9:.0f}\">{10}</text></g>\n",
                   escaped(name), node.weight, 100 * static_cast<double>(node.weight) / static_cast<double>(total_),
                   left, top, std::max(width - 0.5, 0.5), kRow - 1, colour_of(name), left + 3, top + 12,
                   escaped(clipped(printable_line(name, 400), width)));
    for (const auto& [child_name, child] : node.children) {
      draw(*child, child_name, row + 1, left);
      left += (kWidth - 2 * kMargin) * static_cast<double>(child->weight) / static_cast<double>(total_);
    }
  }

  const std::string& boxes() const { return boxes_; }
  bool left_something_out() const { return left_out_ > 0; }

 private:
  uint64_t total_;
  size_t rows_;
  uint64_t left_out_ = 0;
  std::string boxes_;
};

}  // namespace

std::string flame_svg(const std::string& title, const std::vector<WeightedStack>& stacks) {
  Node root;
  for (const WeightedStack& stack : stacks) {
    root.weight += stack.weight;
    Node* node = &root;
    for (size_t i = 0; i < std::min(stack.frames.size(), kDeepest); ++i) {
      auto& child = node->children[stack.frames[i]];
      if (!child) child = std::make_unique<Node>();
      child->weight += stack.weight;
      node = child.get();
    }
  }
  const size_t rows = depth_of(root);
  Drawing drawing(std::max<uint64_t>(root.weight, 1), rows);
  if (root.weight > 0) drawing.draw(root, "all", 0, kMargin);
  double height = 30 + kRow * static_cast<double>(rows) + 24;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fffdf5\"/>\n<text "
      "x=\"{2:.0f}\" y=\"18\" font-size=\"14\">{3}</text>\n{4}<text x=\"{2:.0f}\" y=\"{5:.0f}\" "
      "fill=\"#666\">{6}</text>\n"
      "</svg>\n",
      kWidth, height, kMargin, escaped(title), drawing.boxes(), height - 8,
      drawing.left_something_out() ? "frames below 0.1 % are left out" : "");
}

}  // namespace ec
