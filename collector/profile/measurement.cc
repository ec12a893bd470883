#include "collector/profile/measurement.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <span>

namespace ec {

namespace {

struct Unit {
  std::string_view name;
  std::string_view aliases[3];  // lower case, without the s of a plural
  double factor;
};

struct UnitKind {
  std::span<const Unit> units;
  std::string_view base;  // what an unknown unit means
  double base_factor;
};

constexpr Unit kSizes[] = {
    {"B", {"b", "byte"}, 1},
    {"kB", {"kb", "kbyte", "kilobyte"}, 1024.0},
    {"MB", {"mb", "mbyte", "megabyte"}, 1024.0 * 1024},
    {"GB", {"gb", "gbyte", "gigabyte"}, 1024.0 * 1024 * 1024},
    {"TB", {"tb", "tbyte", "terabyte"}, 1024.0 * 1024 * 1024 * 1024},
    {"PB", {"pb", "pbyte", "petabyte"}, 1024.0 * 1024 * 1024 * 1024 * 1024},
};
constexpr Unit kTimes[] = {
    {"ns", {"ns", "nanosecond"}, 1},    {"us", {"μs", "us", "microsecond"}, 1e3}, {"ms", {"ms", "millisecond"}, 1e6},
    {"s", {"s", "sec", "second"}, 1e9}, {"hrs", {"hour", "hr"}, 3600e9},
};
// Google's compute units.
constexpr Unit kCompute[] = {
    {"n*GCU", {"nanogcu"}, 1e-9}, {"u*GCU", {"microgcu"}, 1e-6}, {"m*GCU", {"milligcu"}, 1e-3},
    {"GCU", {"gcu"}, 1},          {"k*GCU", {"kilogcu"}, 1e3},   {"M*GCU", {"megagcu"}, 1e6},
    {"G*GCU", {"gigagcu"}, 1e9},  {"T*GCU", {"teragcu"}, 1e12},  {"P*GCU", {"petagcu"}, 1e15},
};
constexpr UnitKind kKinds[] = {{kSizes, "B", 1}, {kTimes, "s", 1e9}, {kCompute, "GCU", 1}};

const Unit* find_unit(const UnitKind& kind, std::string_view name) {
  constexpr size_t kLongest = 16;
  if (name.empty() || name.size() > kLongest) return nullptr;
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  if (lower.size() > 2 && lower.ends_with('s')) lower.pop_back();
  for (const Unit& unit : kind.units)
    for (std::string_view alias : unit.aliases)
      if (!alias.empty() && alias == lower) return &unit;
  return nullptr;
}

Scaled in_base(const UnitKind& kind, double value) { return {value / kind.base_factor, std::string(kind.base)}; }

Scaled in_largest(const UnitKind& kind, double value) {
  const Unit* largest = nullptr;
  for (const Unit& unit : kind.units)
    if ((!largest || unit.factor >= largest->factor) && value / unit.factor >= 1.0) largest = &unit;
  return largest ? Scaled{value / largest->factor, std::string(largest->name)} : in_base(kind, value);
}

}  // namespace

int64_t wrapping_sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t wrapping_abs(int64_t value) {
  return value < 0 ? static_cast<int64_t>(0 - static_cast<uint64_t>(value)) : value;
}

int64_t truncated(double value) {
  constexpr double kEnd = 9223372036854775808.0;
  return value >= -kEnd && value < kEnd ? static_cast<int64_t>(value) : INT64_MIN;
}

Scaled scale_measurement(int64_t value, std::string_view from, std::string_view to) {
  if (value < 0 && value != INT64_MIN) {
    Scaled positive = scale_measurement(-value, from, to);
    positive.value = -positive.value;
    return positive;
  }
  for (const UnitKind& kind : kKinds) {
    const Unit* unit = find_unit(kind, from);
    if (!unit) continue;
    double base = static_cast<double>(value) * unit->factor;
    if (to == "minimum" || to == "auto") return in_largest(kind, base);
    const Unit* wanted = find_unit(kind, to);
    return wanted ? Scaled{base / wanted->factor, std::string(wanted->name)} : in_base(kind, base);
  }
  for (std::string_view dull : {"count", "sample", "unit", "minimum", "auto"})
    if (to == dull) return {static_cast<double>(value), ""};
  return {static_cast<double>(value), std::string(to)};
}

bool units_compatible(std::string_view a, std::string_view b) {
  if (a == b) return true;
  for (const UnitKind& kind : kKinds)
    if (find_unit(kind, a) && find_unit(kind, b)) return true;
  return false;
}

std::string measurement_label(int64_t value, std::string_view from, std::string_view to) {
  Scaled scaled = scale_measurement(value, from, to);
  std::string text = fmt::format("{:.2f}", scaled.value);
  if (text.ends_with(".00")) text.resize(text.size() - 3);
  return text == "0" || text == "-0" ? "0" : text + scaled.unit;
}

std::string percentage(int64_t value, int64_t total) {
  double ratio = total == 0 ? 0 : std::fabs(static_cast<double>(value) / static_cast<double>(total)) * 100;
  if (ratio >= 99.95 && ratio <= 100.05) return "  100%";
  return ratio >= 1.0 ? fmt::format("{:5.2f}%", ratio) : fmt::format("{:5.2g}%", ratio);
}

}  // namespace ec
