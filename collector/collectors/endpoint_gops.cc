#include "collector/collectors/endpoint_gops.h"

#include <vector>

#include "collector/base/open_below.h"
#include "collector/base/text.h"
#include "collector/collectors/collector.h"
#include "collector/proc/pid_status.h"

namespace ec {

namespace {

// Value of a variable in /proc/PID/environ, "" = not there.
std::string variable(std::string_view environment, std::string_view name) {
  for (std::string_view entry : split(environment, '\0'))
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
  return {};
}

std::optional<uint16_t> port_in(const std::string& root, const std::string& path) {
  auto text = read_below(root, path, 16);
  auto port = text ? parse_number<uint16_t>(trim(*text)) : std::nullopt;
  return port && *port != 0 ? port : std::nullopt;
}

}  // namespace

std::optional<uint16_t> gops_port(const TargetIdentity& target) {
  std::string folder = fmt::format("/proc/{}", target.pid);
  auto environment = read_file(folder + "/environ", size_t{1} << 20);
  std::string home = "/root", configuration, own;
  if (environment) {
    own = variable(*environment, "GOPS_CONFIG_DIR");
    configuration = variable(*environment, "XDG_CONFIG_HOME");
    if (std::string told = variable(*environment, "HOME"); !told.empty()) home = told;
  }
  int pid = target.pid;  // as the target knows itself
  if (auto text = read_file(folder + "/status"))
    if (auto status = parse_pid_status(folder + "/status", *text); status && !status->ns_pid.empty())
      pid = status->ns_pid.back();
  std::string root = folder + "/root";
  std::vector<std::string> files;
  if (!own.empty()) files.push_back(fmt::format("{}/{}", own, pid));
  files.push_back(configuration.empty() ? fmt::format("{}/.config/gops/{}", home, pid)
                                        : fmt::format("{}/gops/{}", configuration, pid));
  files.push_back(fmt::format("{}/.gops/.{}", home, pid));  // before 0.3
  for (const std::string& file : files)
    if (auto port = file.starts_with('/') ? port_in(root, file) : std::nullopt) return port;
  return std::nullopt;
}

Result<HttpAnswer> ask_gops(const HttpAddress& address, std::string_view command, const HttpLimits& limits) {
  auto started = Clock::now();
  Deadline total = Deadline::in(limits.total);
  auto connection = HttpConnection::open(address, Deadline::in(limits.connect).earlier_of(total));
  if (!connection) return tl::unexpected(connection.error());
  if (auto sent = (*connection)->write(command, total); !sent) return tl::unexpected(sent.error());
  HttpAnswer answer;
  answer.status = 200;
  Deadline next = Deadline::in(limits.first_byte);
  std::vector<char> buffer(64 * 1024);
  while (true) {
    auto got = (*connection)->read(buffer.data(), buffer.size(), total.earlier_of(next));
    if (!got && answer.body.empty()) return tl::unexpected(got.error());
    if (!got) answer.broken = got.error();
    if (!got || *got == 0) break;
    if (answer.body.empty()) answer.at = Clock::now();
    answer.body.append(buffer.data(), std::min(*got, limits.body_bytes - answer.body.size()));
    if (answer.body.size() == limits.body_bytes) {
      answer.broken =
          Error{ErrorCode::kTruncated, address.name(),
                fmt::format("longer than the limit of {}", human_bytes(static_cast<double>(limits.body_bytes))), 0};
      break;
    }
    next = Deadline::in(limits.idle);
  }
  if (answer.body.empty()) return fail(ErrorCode::kMalformed, address.name(), "closed without an answer");
  answer.took_ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
  return answer;
}

void add_gops_figures(std::string_view text, GoRuntime& go) {
  LineCursor lines("gops", text);
  while (auto line = lines.next()) {
    size_t colon = line->find(": ");
    if (colon == std::string_view::npos) continue;
    std::string_view name = line->substr(0, colon), value = line->substr(colon + 2);
    // "123.4KB (126400 bytes)" since 0.3.7, "126400 bytes" before.
    if (size_t open = value.find('('); open != std::string_view::npos) value.remove_prefix(open + 1);
    if (value.starts_with("when heap-alloc >= ")) value.remove_prefix(19);
    auto number = parse_number<uint64_t>(value.substr(0, value.find_first_not_of("0123456789")));
    if (!number) continue;
    if (name == "goroutines") go.goroutines = *number;
    if (name == "heap-alloc") go.heap_alloc_bytes = *number;
    if (name == "heap-in-use") go.heap_inuse_bytes = *number;
    if (name == "heap-objects") go.heap_objects = *number;
    if (name == "next-gc") go.next_gc_bytes = *number;
    if (name == "sys") go.sys_bytes = *number;
    if (name == "num-gc") go.gc_count = *number;
    if (name == "gc-pause") go.last_pause_ms = static_cast<double>(*number) / 1e6;
  }
}

}  // namespace ec
