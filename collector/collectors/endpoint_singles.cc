#include "collector/collectors/endpoint_singles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "collector/base/text.h"
#include "collector/collectors/json_members.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr double kMostMs = 3000;  // for all of them
constexpr size_t kMostValues = 64;

struct Wanted {
  std::string_view metric, query = "";
};
// docs.spring.io/spring-boot/reference/actuator/metrics: memory and its collection, threads, pools, requests, errors.
constexpr std::array<Wanted, 21> kWanted{{{"jvm.memory.used", "?tag=area:heap"},
                                          {"jvm.memory.max", "?tag=area:heap"},
                                          {"jvm.memory.used", "?tag=area:nonheap"},
                                          {"jvm.gc.pause"},
                                          {"jvm.gc.overhead"},
                                          {"jvm.threads.live"},
                                          {"jvm.threads.states", "?tag=state:blocked"},
                                          {"process.cpu.usage"},
                                          {"system.cpu.usage"},
                                          {"process.files.open"},
                                          {"process.files.max"},
                                          {"http.server.requests"},
                                          {"http.server.requests", "?tag=outcome:SERVER_ERROR"},
                                          {"hikaricp.connections.active"},
                                          {"hikaricp.connections.pending"},
                                          {"hikaricp.connections.max"},
                                          {"hikaricp.connections.timeout"},
                                          {"tomcat.threads.busy"},
                                          {"tomcat.threads.config.max"},
                                          {"executor.queued"},
                                          {"logback.events", "?tag=level:error"}}};

std::string seconds_words(double seconds) {
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1000);
  return fmt::format("{:.3g} s", seconds);
}

std::string value_words(double value, const std::string& unit) {
  if (unit == "bytes") return human_bytes(value);
  if (unit == "seconds") return seconds_words(value);
  return std::floor(value) == value && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.3g}", value);
}

// {"name":"jvm.gc.pause","baseUnit":"seconds","measurements":[{"statistic":"COUNT","value":8.0}, …]}
std::string words_of(const json& metric) {
  std::map<std::string, double> measured;
  for (const json& one : list_of(metric, "measurements")) {
    double value = number_of(one, "value");
    if (std::isfinite(value) && value >= 0) measured.emplace(text_of(one, "statistic"), value);
  }
  std::string unit = text_of(metric, "baseUnit");
  auto of = [&](const char* statistic) {
    auto found = measured.find(statistic);
    return found == measured.end() ? -1 : found->second;
  };
  if (of("VALUE") >= 0) return value_words(of("VALUE"), unit);
  if (of("COUNT") < 0) return {};
  double count = of("COUNT"), total = std::max(of("TOTAL_TIME"), of("TOTAL"));
  std::string words = fmt::format("{:.0f}", count);
  if (total >= 0 && count > 0) words += fmt::format(" times, {} each", value_words(total / count, unit));
  if (of("MAX") > 0) words += fmt::format(", {} at most lately", value_words(of("MAX"), unit));
  return words;
}

}  // namespace

std::vector<std::string> metrics_worth_asking(std::string_view names) {
  std::vector<std::string> paths;
  json document = json::parse(names, nullptr, false);
  const json& listed = list_of(document, "names");
  for (const Wanted& wanted : kWanted)
    if (std::find(listed.begin(), listed.end(), wanted.metric) != listed.end())
      paths.push_back(fmt::format("{}{}", wanted.metric, wanted.query));
  return paths;
}

HttpLimits SingleValues::limits() {
  return {milliseconds(500), milliseconds(1000), milliseconds(500), milliseconds(1000), size_t{64} << 10};
}

const std::string* SingleValues::next() {
  if (problem_.empty() && took_ms_ > kMostMs) problem_ = fmt::format("{:.0f} s were over", kMostMs / 1000);
  return problem_.empty() && next_ < paths_.size() ? &paths_[next_++] : nullptr;
}

void SingleValues::take(const std::string& path, const Result<HttpAnswer>& answer) {
  if (!answer) {
    problem_ = answer.error().message();
    return;
  }
  took_ms_ += answer->took_ms;
  if (answer->status >= 500) problem_ = fmt::format("{} answered {}", path, answer->status);
  // 404: nothing was counted under this tag yet.
  if (answer->status == 200 && !answer->broken && json::accept(answer->body)) bodies_[path] = answer->body;
}

HttpAnswer SingleValues::together() const {
  HttpAnswer answer;
  answer.status = 200;
  answer.took_ms = took_ms_;
  answer.at = Clock::now();
  for (const auto& [path, body] : bodies_)
    answer.body += fmt::format("{}{}:{}", answer.body.empty() ? "{" : ",\n", json(path).dump(), trim(body));
  answer.body += answer.body.empty() ? "{}" : "}";
  if (!problem_.empty())
    answer.broken = Error{ErrorCode::kTruncated, "",
                          fmt::format("{} of {} values: {}", bodies_.size(), paths_.size(), problem_), 0};
  return answer;
}

std::map<std::string, std::string> words_of_single_values(std::string_view body) {
  std::map<std::string, std::string> words;
  json document = json::parse(body, nullptr, false);
  if (!document.is_object()) return words;
  for (const auto& [path, metric] : document.items()) {
    if (words.size() == kMostValues) break;
    size_t query = path.find("?tag=");
    std::string name =
        query == std::string::npos ? path : fmt::format("{} ({})", path.substr(0, query), path.substr(query + 5));
    if (std::string value = words_of(metric); !value.empty()) words[printable_line(name, 100)] = value;
  }
  return words;
}

}  // namespace ec
