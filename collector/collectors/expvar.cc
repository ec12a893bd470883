#include "collector/collectors/expvar.h"

#include <nlohmann/json.hpp>

#include "collector/base/text.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr size_t kMostVariables = 2000;
constexpr int kDeepest = 8;
constexpr size_t kLongestName = 200, kLongestValue = 200;

uint64_t whole(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

std::optional<Memstats> memstats_of(const json& object) {
  if (!object.is_object() || !object.contains("HeapAlloc")) return std::nullopt;
  Memstats stats;
  stats.heap_alloc = whole(object, "HeapAlloc");
  stats.heap_inuse = whole(object, "HeapInuse");
  stats.heap_objects = whole(object, "HeapObjects");
  stats.next_gc = whole(object, "NextGC");
  stats.sys = whole(object, "Sys");
  stats.total_alloc = whole(object, "TotalAlloc");
  stats.gc_count = whole(object, "NumGC");
  stats.pause_total_ns = whole(object, "PauseTotalNs");
  if (auto found = object.find("GCCPUFraction"); found != object.end() && found->is_number())
    stats.gc_cpu_fraction = found->get<double>();
  if (auto found = object.find("PauseNs"); found != object.end() && found->is_array())
    for (const json& pause : *found) {
      if (stats.recent_pauses_ns.size() == 256) break;
      stats.recent_pauses_ns.push_back(pause.is_number_unsigned() ? pause.get<uint64_t>() : 0);
    }
  return stats;
}

std::string short_text(const json& value) {
  if (value.is_string()) return printable_line(value.get_ref<const std::string&>(), kLongestValue);
  if (value.is_array()) return fmt::format("[{} values]", value.size());
  return printable_line(value.dump(-1, ' ', false, json::error_handler_t::replace), kLongestValue);
}

void flatten(const json& object, const std::string& prefix, int depth, std::map<std::string, std::string>& out) {
  for (const auto& [key, value] : object.items()) {
    if (out.size() >= kMostVariables) return;
    if (depth == 0 && (key == "cmdline" || key == "memstats")) continue;
    std::string name = printable_line(prefix + key, kLongestName);
    if (value.is_object() && !value.empty() && depth < kDeepest)
      flatten(value, name + ".", depth + 1, out);
    else if (value.is_object())
      out[name] = fmt::format("{{{} values}}", value.size());
    else
      out[name] = short_text(value);
  }
}

}  // namespace

Result<Expvar> parse_expvar(std::string_view where, std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON object");
  Expvar result;
  if (auto found = document.find("memstats"); found != document.end()) result.memstats = memstats_of(*found);
  flatten(document, "", 0, result.variables);
  return result;
}

}  // namespace ec
