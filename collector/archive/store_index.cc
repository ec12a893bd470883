#include "collector/archive/store_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "collector/base/clock.h"
#include "collector/base/write_file.h"

namespace ec {

namespace {

constexpr const char* kName = ".index.json";
constexpr size_t kMostBytes = size_t{64} << 20;

using nlohmann::json;

std::string text(const json& row, const char* key) {
  auto found = row.find(key);
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string{};
}
int64_t number(const json& row, const char* key) {
  auto found = row.find(key);
  return found != row.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

}  // namespace

std::string stored_archives_json(const std::vector<StoredArchive>& archives) {
  auto rows = nlohmann::ordered_json::array();
  for (const StoredArchive& one : archives)
    rows.push_back({{"name", one.name},
                    {"started", rfc3339(one.started_wall_ns)},
                    {"comm", one.comm},
                    {"pid", one.pid},
                    {"exe", one.exe},
                    {"unit", one.unit},
                    {"host", one.host},
                    {"complete", one.complete},
                    {"good", one.good()},
                    {"worst", one.worst},
                    {"verdict", one.verdict},
                    {"bytes", one.bytes}});
  return rows.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string store_index_json(const std::vector<StoredArchive>& archives) {
  json rows = json::array();
  for (const StoredArchive& one : archives)
    rows.push_back({{"name", one.name},
                    {"bytes", one.bytes},
                    {"stored_ns", one.stored_wall_ns},
                    {"started_ns", one.started_wall_ns},
                    {"pid", one.pid},
                    {"comm", one.comm},
                    {"exe", one.exe},
                    {"unit", one.unit},
                    {"host", one.host},
                    {"complete", one.complete},
                    {"verdict", one.verdict},
                    {"worst", one.worst}});
  return rows.dump(0, ' ', false, json::error_handler_t::replace) + "\n";
}

std::vector<StoredArchive> parse_store_index(std::string_view bytes) {
  std::vector<StoredArchive> archives;
  auto rows = json::parse(bytes, nullptr, false);
  if (!rows.is_array()) return archives;
  for (const json& row : rows) {
    if (!row.is_object() || !is_archive_name(text(row, "name"))) continue;
    StoredArchive one;
    one.name = text(row, "name");
    one.bytes = static_cast<uint64_t>(number(row, "bytes"));
    one.stored_wall_ns = number(row, "stored_ns");
    one.started_wall_ns = number(row, "started_ns");
    one.pid = static_cast<int>(number(row, "pid"));
    one.comm = text(row, "comm");
    one.exe = text(row, "exe");
    one.unit = text(row, "unit");
    one.host = text(row, "host");
    one.complete = row.contains("complete") && row["complete"].is_boolean() && row["complete"].get<bool>();
    one.verdict = text(row, "verdict");
    one.worst = text(row, "worst");
    archives.push_back(std::move(one));
  }
  return archives;
}

std::vector<StoredArchive> read_store_index(int directory) {
  UniqueFd fd(openat(directory, kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat about {};
  // Somebody else's word is not taken for what an archive holds.
  if (!fd || fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != geteuid()) return {};
  std::string bytes;
  std::string buffer(1 << 16, '\0');
  ssize_t got;
  while (bytes.size() < kMostBytes && (got = read(fd.get(), buffer.data(), buffer.size())) > 0)
    bytes.append(buffer, 0, static_cast<size_t>(got));
  return parse_store_index(bytes);
}

void write_store_index(int directory, const std::vector<StoredArchive>& archives) {
  (void)store_file(fmt::format("/proc/self/fd/{}/{}", directory, kName), store_index_json(archives));
}

}  // namespace ec
