#include "collector/proc/pid_status.h"

#include <iterator>

#include "collector/base/text.h"

namespace ec {

namespace {

// seq_escape_str(ESCAPE_SPACE | ESCAPE_SPECIAL, "\n\\") of task_name(): only newline and backslash.
std::string unescape_name(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == '\\')) {
      name += text[i + 1] == 'n' ? '\n' : '\\';
      ++i;
    } else {
      name += text[i];
    }
  }
  return name;
}

template <class T>
bool take(std::string_view value, T& number, int base = 10) {
  auto parsed = parse_number<T>(trim(value), base);
  if (parsed) number = *parsed;
  return parsed.has_value();
}

bool take_flag(std::string_view value, std::optional<bool>& flag) {
  int number = 0;
  if (!take(value, number)) return false;
  flag = number != 0;
  return true;
}

bool take_optional(std::string_view value, std::optional<int>& field) {
  int number = 0;
  if (!take(value, number)) return false;
  field = number;
  return true;
}

template <class T>
bool take_list(std::string_view value, std::vector<T>& list) {
  list.clear();
  FieldCursor fields(value);
  while (auto word = fields.word()) {
    auto number = parse_number<T>(*word);
    if (!number) return false;
    list.push_back(*number);
  }
  return true;
}

bool take_ids(std::string_view value, std::array<uint32_t, 4>& ids) {
  FieldCursor fields(value);
  for (uint32_t& id : ids) {
    auto number = fields.number<uint32_t>();
    if (!number) return false;
    id = *number;
  }
  return true;
}

bool take_kib(std::string_view value, uint64_t& bytes) {
  FieldCursor fields(value);
  auto kib = fields.number<uint64_t>();
  if (!kib || *kib > UINT64_MAX / 1024 || fields.word() != "kB") return false;
  bytes = *kib * 1024;
  return true;
}

struct KibField {
  std::string_view key;
  uint64_t PidStatus::*field;
};
constexpr KibField kKibFields[] = {
    {"VmPeak", &PidStatus::vm_peak_bytes},     {"VmSize", &PidStatus::vm_size_bytes},
    {"VmLck", &PidStatus::locked_bytes},       {"VmPin", &PidStatus::pinned_bytes},
    {"VmHWM", &PidStatus::rss_peak_bytes},     {"VmRSS", &PidStatus::rss_bytes},
    {"RssAnon", &PidStatus::rss_anon_bytes},   {"RssFile", &PidStatus::rss_file_bytes},
    {"RssShmem", &PidStatus::rss_shmem_bytes}, {"VmData", &PidStatus::data_bytes},
    {"VmStk", &PidStatus::stack_bytes},        {"VmExe", &PidStatus::text_bytes},
    {"VmLib", &PidStatus::library_bytes},      {"VmPTE", &PidStatus::page_table_bytes},
    {"VmSwap", &PidStatus::swap_bytes},        {"HugetlbPages", &PidStatus::huge_pages_bytes},
};

struct MaskField {
  std::string_view key;
  uint64_t PidStatus::*field;
};
constexpr MaskField kMaskFields[] = {
    {"SigPnd", &PidStatus::signals_pending},        {"ShdPnd", &PidStatus::signals_pending_process},
    {"SigBlk", &PidStatus::signals_blocked},        {"SigIgn", &PidStatus::signals_ignored},
    {"SigCgt", &PidStatus::signals_caught},         {"CapInh", &PidStatus::capabilities_inheritable},
    {"CapPrm", &PidStatus::capabilities_permitted}, {"CapEff", &PidStatus::capabilities_effective},
    {"CapBnd", &PidStatus::capabilities_bounding},  {"CapAmb", &PidStatus::capabilities_ambient},
};

bool take_identity(PidStatus& status, std::string_view key, std::string_view value, bool& known) {
  if (key == "Tgid") return take(value, status.tgid);
  if (key == "Pid") return take(value, status.pid);
  if (key == "PPid") return take(value, status.ppid);
  if (key == "TracerPid") return take(value, status.tracer_pid);
  if (key == "Uid") return take_ids(value, status.uid);
  if (key == "Gid") return take_ids(value, status.gid);
  if (key == "Groups") return take_list(value, status.groups);
  if (key == "NStgid") return take_list(value, status.ns_tgid);
  if (key == "NSpid") return take_list(value, status.ns_pid);
  if (key == "NSpgid") return take_list(value, status.ns_pgid);
  if (key == "NSsid") return take_list(value, status.ns_sid);
  if (key == "Threads") return take(value, status.threads);
  if (key == "State") {
    std::string_view state = trim(value);
    if (state.empty()) return false;
    status.state = state[0];
    return true;
  }
  known = false;
  return true;
}

bool take_rest(PidStatus& status, std::string_view key, std::string_view value) {
  if (key == "NoNewPrivs") return take_flag(value, status.no_new_privs);
  if (key == "CoreDumping") return take_flag(value, status.core_dumping);
  if (key == "Kthread") return take_flag(value, status.kernel_thread);
  if (key == "Seccomp") return take_optional(value, status.seccomp_mode);
  if (key == "Seccomp_filters") return take_optional(value, status.seccomp_filters);
  if (key == "voluntary_ctxt_switches") return take(value, status.voluntary_switches);
  if (key == "nonvoluntary_ctxt_switches") return take(value, status.involuntary_switches);
  if (key == "Speculation_Store_Bypass") status.speculation_store_bypass = trim(value);
  if (key == "SpeculationIndirectBranch") status.speculation_indirect_branch = trim(value);
  if (key == "Cpus_allowed_list") status.cpus_allowed = trim(value);
  if (key == "Mems_allowed_list") status.memory_nodes_allowed = trim(value);
  return true;
}

bool take_line(PidStatus& status, std::string_view key, std::string_view value) {
  bool known = true;
  bool fine = take_identity(status, key, value, known);
  if (known) return fine;
  for (const KibField& kib : kKibFields)
    if (key == kib.key) {
      status.has_memory = true;
      return take_kib(value, status.*kib.field);
    }
  for (const MaskField& mask : kMaskFields)
    if (key == mask.key) return take(value, status.*mask.field, 16);
  return take_rest(status, key, value);
}

}  // namespace

Result<PidStatus> parse_pid_status(std::string_view where, std::string_view text) {
  PidStatus status;
  LineCursor lines(where, text);
  while (auto line = lines.next()) {
    size_t colon = line->find(':');
    if (colon == std::string_view::npos) return tl::unexpected(lines.expected("Key: value"));
    std::string_view key = line->substr(0, colon), value = line->substr(colon + 1);
    if (key == "Name") {
      // Spaces at the ends belong to the name; one tab stands before it.
      if (value.starts_with('\t')) value.remove_prefix(1);
      status.name = unescape_name(value);
    } else if (!take_line(status, key, value)) {
      return tl::unexpected(lines.expected(fmt::format("a value for {}", key.substr(0, 40))));
    }
  }
  if (status.pid == 0) return fail(ErrorCode::kTruncated, std::string(where), "expected a line Pid");
  return status;
}

std::string seccomp_words(const PidStatus& status) {
  if (!status.seccomp_mode) return "";
  switch (*status.seccomp_mode) {
    case 0:
      return "off";
    case 1:
      return "strict";
    case 2:
      break;
    default:
      return fmt::format("mode {}", *status.seccomp_mode);
  }
  if (!status.seccomp_filters) return "filter";
  return fmt::format("filter ({} {})", *status.seccomp_filters, *status.seccomp_filters == 1 ? "filter" : "filters");
}

}  // namespace ec
