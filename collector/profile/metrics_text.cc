#include "collector/profile/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr size_t kMostLabels = 256;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool is_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

bool same_word(std::string_view text, std::string_view lower_word) {
  if (text.size() != lower_word.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    if (c != lower_word[i]) return false;
  }
  return true;
}

// A number as Go's ParseFloat and OpenMetrics write it: also +Inf, -Inf, NaN; too large becomes infinite.
std::optional<double> number(std::string_view text) {
  bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative || text.starts_with('+') ? 1 : 0);
  if (same_word(digits, "nan")) return std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (same_word(digits, "inf") || same_word(digits, "infinity")) return negative ? -kInfinite : kInfinite;
  if (digits.empty() || digits.front() == '-' || digits.front() == '+' || begins_name(digits.front()))
    return std::nullopt;  // from_chars knows more words than the format
  double value = 0;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (problem == std::errc::result_out_of_range)
    value = digits.find("e-") == std::string_view::npos && digits.find("E-") == std::string_view::npos ? kInfinite : 0;
  else if (problem != std::errc{})
    return std::nullopt;
  return negative ? -value : value;
}

struct TypeName {
  std::string_view word;
  MetricType type;
};
constexpr std::array<TypeName, 9> kTypes{{{"counter", MetricType::kCounter},
                                          {"gauge", MetricType::kGauge},
                                          {"histogram", MetricType::kHistogram},
                                          {"gaugehistogram", MetricType::kGaugeHistogram},
                                          {"summary", MetricType::kSummary},
                                          {"info", MetricType::kInfo},
                                          {"stateset", MetricType::kStateSet},
                                          {"unknown", MetricType::kUnknown},
                                          {"untyped", MetricType::kUnknown}}};

// The parts of one line, from its beginning.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Up to the next blank; "" at the end.
  std::string_view word() {
    skip_blanks();
    size_t length = 0;
    while (length < rest_.size() && !is_blank(rest_[length])) ++length;
    return advance(length);
  }
  // A name without quotes; "" when there is none.
  std::string_view name() {
    if (rest_.empty() || !begins_name(rest_.front())) return {};
    size_t length = 1;
    while (length < rest_.size() && is_name(rest_[length])) ++length;
    return advance(length);
  }
  // What stands in quotes, unescaped: \\, \" and \n. False without a closing quote.
  bool quoted(std::string& out) {
    out.clear();
    if (!take('"')) return false;
    for (size_t i = 0; i < rest_.size(); ++i) {
      char c = rest_[i];
      if (c == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (c == '\\' && i + 1 < rest_.size()) {
        char next = rest_[++i];
        if (next == 'n')
          c = '\n';
        else if (next == '\\' || next == '"')
          c = next;
        else
          out += c, c = next;  // as the reference parser: an unknown escape stays
      }
      out += c;
    }
    return false;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view advance(size_t length) {
    std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  std::string_view rest_;
};

class MetricsReader {
 public:
  MetricsReader(std::string_view where, std::string_view text, const std::function<void(const MetricSample&)>& each)
      : lines_(where, text), each_(each) {}

  Result<MetricsOutline> run() {
    while (auto text = lines_.next()) {
      std::string_view line = *text;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (ended_) return tl::unexpected(lines_.expected("nothing after '# EOF'"));
      Line parts(line);
      parts.skip_blanks();
      if (parts.rest().empty()) continue;
      const char* problem = parts.rest().front() == '#' ? comment(parts) : sample(parts);
      if (problem) return tl::unexpected(lines_.expected(problem));
    }
    outline_.open_metrics = ended_;
    return outline_;
  }

 private:
  // What was expected instead, null when all is well.
  const char* comment(Line line) {
    line.take('#');
    std::string_view keyword = line.word();
    if (keyword == "EOF" && trim(line.rest()).empty()) {
      ended_ = true;
      return nullptr;
    }
    if (keyword != "HELP" && keyword != "TYPE" && keyword != "UNIT") return nullptr;
    line.skip_blanks();
    std::string name;
    if (line.rest().starts_with('"')) {
      if (!line.quoted(name)) return "'\"' after the name";
    } else {
      name = line.name();
    }
    if (name.empty()) return keyword == "TYPE" ? "a name after '# TYPE'" : nullptr;
    if (name != family_) {
      family_ = name;
      type_ = MetricType::kUnknown;
      help_ = {};
    }
    if (keyword == "HELP") help_ = trim(line.rest());
    if (keyword == "TYPE") {
      ++outline_.families;
      std::string_view word = line.word();
      for (const TypeName& known : kTypes)
        if (same_word(word, known.word)) {
          type_ = known.type;
          return nullptr;
        }
      return "counter, gauge, histogram, summary or another type";
    }
    return nullptr;
  }

  const char* sample(Line line) {
    std::string_view begin = line.rest();
    sample_.name = line.name();
    sample_.labels.clear();
    line.skip_blanks();
    if (line.take('{'))
      if (const char* problem = labels(line)) return problem;
    if (sample_.name.empty()) return "the name of a metric";
    sample_.series = trim(begin.substr(0, begin.size() - line.rest().size()));
    auto value = number(line.word());
    if (!value) return "a number after the name";
    sample_.value = *value;
    sample_.timestamp_ms.reset();
    std::string_view next = line.word();
    if (!next.empty() && next != "#") {
      sample_.timestamp_ms = number(next);
      if (!sample_.timestamp_ms) return "a timestamp after the value";
      // OpenMetrics writes seconds, with a fraction: no time since 1973 has so few digits in milliseconds.
      if (std::abs(*sample_.timestamp_ms) < 1e11) *sample_.timestamp_ms *= 1000;
      next = line.word();
    }
    if (!next.empty() && next != "#") return "the end of the line or an exemplar after '#'";
    if (next == "#")
      if (const char* problem = exemplar(line)) return problem;
    classify();
    ++outline_.samples;
    each_(sample_);
    return nullptr;
  }

  // Behind '{': name="value" pairs, and in UTF-8 names the quoted name of the metric itself.
  const char* labels(Line& line) {
    while (true) {
      line.skip_blanks();
      if (line.take('}')) return nullptr;
      if (sample_.labels.size() == kMostLabels) return "fewer labels";
      MetricLabel label;
      if (line.rest().starts_with('"')) {
        if (!line.quoted(label.name)) return "'\"' after the name";
      } else {
        label.name = line.name();
      }
      if (label.name.empty()) return "the name of a label or '}'";
      line.skip_blanks();
      if (line.take('=')) {
        line.skip_blanks();
        if (!line.quoted(label.value)) return "a value in quotes after '='";
        sample_.labels.push_back(std::move(label));
      } else if (sample_.name.empty()) {
        sample_.name = std::move(label.name);
      } else {
        return "'=' after the name of a label";
      }
      line.skip_blanks();
      if (!line.take(',') && !line.rest().starts_with('}')) return "',' or '}' after a label";
    }
  }

  // {trace_id="x"} 0.67 1520879607.789
  const char* exemplar(Line& line) {
    line.skip_blanks();
    if (!line.take('{')) return "'{' after '#'";
    std::vector<MetricLabel> kept = std::move(sample_.labels);
    sample_.labels.clear();
    const char* problem = labels(line);
    sample_.labels = std::move(kept);
    if (problem) return problem;
    if (!number(line.word())) return "a number in the exemplar";
    std::string_view time = line.word();
    if (!time.empty() && !number(time)) return "a timestamp in the exemplar";
    return line.word().empty() ? nullptr : "the end of the line";
  }

  void classify() {
    std::string_view name = sample_.name, suffix;
    bool in_family = !family_.empty() && name.starts_with(family_);
    if (in_family) {
      suffix = name.substr(family_.size());
      in_family = suffix.empty() || suffix.front() == '_';
    }
    sample_.type = in_family ? type_ : MetricType::kUnknown;
    sample_.help = in_family ? help_ : std::string_view{};
    switch (sample_.type) {
      case MetricType::kCounter:
        sample_.cumulative = suffix != "_created";
        break;
      case MetricType::kHistogram:
      case MetricType::kSummary:
        sample_.cumulative = suffix == "_bucket" || suffix == "_count" || suffix == "_sum";
        break;
      case MetricType::kUnknown:
        sample_.cumulative = name.ends_with("_total");
        break;
      default:
        sample_.cumulative = false;
    }
  }

  LineCursor lines_;
  const std::function<void(const MetricSample&)>& each_;
  MetricsOutline outline_;
  MetricSample sample_;
  std::string family_;
  std::string_view help_;
  MetricType type_ = MetricType::kUnknown;
  bool ended_ = false;
};

}  // namespace

Result<MetricsOutline> parse_metrics(std::string_view where, std::string_view text,
                                     const std::function<void(const MetricSample&)>& each) {
  return MetricsReader(where, text, each).run();
}

bool looks_like_metrics(std::string_view text) {
  std::string_view line = trim(text);
  line = line.substr(0, line.find('\n'));
  if (line.starts_with('#')) {
    for (std::string_view keyword : {"HELP ", "TYPE ", "UNIT ", "EOF"})
      if (trim(line.substr(1)).starts_with(keyword)) return true;
    return false;
  }
  if (line.empty() || !(begins_name(line.front()) || line.front() == '{')) return false;
  bool read = false;
  auto parsed = parse_metrics("", line, [&](const MetricSample&) { read = true; });
  return parsed.has_value() && read;
}

}  // namespace ec
