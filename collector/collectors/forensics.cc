#include "collector/collectors/forensics.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>

#include "collector/base/text.h"
#include "collector/collectors/host_constants.h"
#include "collector/proc/pid_stat.h"
#include "collector/proc/proc_root.h"
#include "symbolize/byte_source.h"

namespace ec {

namespace {

constexpr std::string_view kDeletedMark = " (deleted)";
constexpr size_t kMostVanished = 200;
constexpr size_t kMostFactsOfAKind = 20;

// Libraries that make executable pages at run time. A runtime that does is no news.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kCodeMakers{{
    {"libjvm.so", "the JVM"},
    {"libcoreclr.so", ".NET"},
    {"libmonosgen", "Mono"},
    {"libnode.so", "Node"},
    {"libLLVM", "LLVM's JIT"},
    {"llvmjit.so", "PostgreSQL's JIT"},
    {"libluajit", "LuaJIT"},
    {"libpypy", "PyPy"},
    {"libmozjs", "SpiderMonkey"},
    {"libjavascriptcoregtk", "JavaScriptCore"},
    {"libffi.so", "libffi's closures"},
    {"libpcre", "PCRE's JIT"},
}};

constexpr std::array<std::string_view, 9> kKnownPreloads{"libjemalloc",  "libtcmalloc", "libmimalloc",
                                                         "libeatmydata", "libasan",     "libtsan",
                                                         "libubsan",     "libfaketime", "libSegFault"};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool in_writable_place(std::string_view path) {
  constexpr std::array<std::string_view, 7> kPlaces{"/tmp/",  "/var/tmp/",  "/dev/shm/", "/home/",
                                                    "/root/", "/run/user/", "/run/shm/"};
  return std::any_of(kPlaces.begin(), kPlaces.end(), [&](std::string_view place) { return path.starts_with(place); });
}

bool is_temporary(std::string_view path) {
  return in_writable_place(path) && !path.starts_with("/home/") && !path.starts_with("/root/");
}

// Who is known to make code in this process; "" when nobody.
std::string code_maker(std::string_view language, std::string_view library) {
  for (std::string_view prefix : {"JVM", "Node", ".NET", "Erlang", "Mono", "PHP", "Ruby"})
    if (language.starts_with(prefix)) return std::string(language);
  for (auto [file, words] : kCodeMakers)
    if (file_name(library).starts_with(file)) return std::string(words);
  return {};
}

// Mappings of one name are one fact.
struct Group {
  std::string kind, subject;
  uint64_t count = 0, bytes = 0;
  int first_line = 0;
};

const char* kind_of_executable_mapping(const MapsEntry& entry) {
  if (entry.name.starts_with("/memfd:")) return "memfd-mapping";
  if (entry.name.starts_with("/SYSV") || entry.name == "/dev/zero") return "shared-memory-code";
  if (entry.deleted) return "deleted-mapping";
  if (entry.name.starts_with('/') && in_writable_place(entry.name)) return "writable-place-mapping";
  return nullptr;
}

ForensicFact fact_of(const Group& group, std::string_view artifact, const std::string& maker) {
  ForensicFact fact{group.kind, printable_line(group.subject), {},
                    "medium",   std::string(artifact),         fmt::format("line {}", group.first_line)};
  std::string size = fmt::format("{} mapping{}, {}", group.count, group.count == 1 ? "" : "s",
                                 human_bytes(static_cast<double>(group.bytes)));
  if (group.kind == "writable-executable-mapping") {
    fact.severity = maker.empty() ? "medium" : "info";
    fact.detail = maker.empty()
                      ? size + " both writable and executable; no runtime that compiles code was recognised"
                      : fmt::format("{} both writable and executable; {} makes code at run time", size, maker);
  } else if (group.kind == "memfd-mapping") {
    fact.severity = maker.empty() ? "medium" : "info";
    fact.detail = size + " of code from memory without a file" + (maker.empty() ? "" : "; " + maker + " does that");
  } else if (group.kind == "shared-memory-code") {
    fact.detail = size + " of code in shared memory";
  } else if (group.kind == "deleted-mapping") {
    fact.severity = is_temporary(group.subject) ? "medium" : "low";
    fact.detail = size + " of code from a file that is no longer there; an upgrade since the start does that too";
  } else {
    fact.severity = is_temporary(group.subject) ? "medium" : "info";
    fact.detail = size + " of code from a place where users can write";
  }
  return fact;
}

}  // namespace

std::vector<ForensicFact> mapping_facts(std::string_view maps, std::string_view artifact, std::string_view language) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  std::string maker = code_maker(language, "");
  LineCursor lines(artifact, maps);
  MapsEntry entry;
  while (auto line = lines.next()) {
    size_t mode = line->find(' ');
    if (mode == std::string_view::npos || mode + 3 >= line->size() || (*line)[mode + 3] != 'x') continue;
    if (!parse_maps_line(*line, entry)) continue;
    if (maker.empty()) maker = code_maker(language, entry.name);
    auto add = [&](const char* kind) {
      std::string subject = entry.name.empty() ? "anonymous memory" : entry.name;
      auto found = groups.find({kind, subject});
      if (found == groups.end()) {
        if (groups.size() >= 1000) return;
        found = groups.emplace(std::pair{std::string(kind), subject}, Group{kind, subject, 0, 0, lines.line_number()})
                    .first;
      }
      ++found->second.count;
      found->second.bytes += entry.end - entry.begin;
    };
    if (entry.writable) add("writable-executable-mapping");
    if (const char* kind = kind_of_executable_mapping(entry)) add(kind);
  }
  std::vector<ForensicFact> facts;
  std::map<std::string, size_t> of_kind;
  for (const auto& [key, group] : groups)
    if (++of_kind[group.kind] <= kMostFactsOfAKind) facts.push_back(fact_of(group, artifact, maker));
  return facts;
}

std::vector<ForensicFact> environment_facts(std::string_view environ, std::string_view artifact) {
  std::vector<ForensicFact> facts;
  for (std::string_view variable : split(environ, '\0')) {
    for (std::string_view name : {"LD_PRELOAD", "LD_AUDIT"}) {
      if (!variable.starts_with(name) || variable.substr(name.size(), 1) != "=") continue;
      std::string_view value = variable.substr(name.size() + 1);
      if (trim(value).empty()) continue;
      bool known = std::any_of(kKnownPreloads.begin(), kKnownPreloads.end(), [&](std::string_view library) {
        return value.find(library) != std::string_view::npos && value.find(' ') == std::string_view::npos &&
               value.find(':') == std::string_view::npos;
      });
      facts.push_back({"preload", printable_line(value), fmt::format("{} loads it before every other library", name),
                       known ? "info" : "medium", std::string(artifact), fmt::format("variable {}", name)});
    }
  }
  return facts;
}

std::vector<ForensicFact> preload_file_facts(std::string_view text, std::string_view artifact) {
  std::vector<ForensicFact> facts;
  LineCursor lines(artifact, text);
  while (auto line = lines.next()) {
    std::string_view rest = line->substr(0, line->find('#'));
    while (facts.size() < kMostFactsOfAKind) {
      size_t begin = rest.find_first_not_of(" \t\r:");
      if (begin == std::string_view::npos) break;
      size_t end = std::min(rest.find_first_of(" \t\r:", begin), rest.size());
      facts.push_back({"preload", printable_line(rest.substr(begin, end - begin)),
                       "/etc/ld.so.preload loads it into every program", "medium", std::string(artifact),
                       fmt::format("section ld.so.preload, line {}", lines.line_number())});
      rest.remove_prefix(end);
    }
  }
  return facts;
}

namespace {

void add_executable_facts(const Snapshot& snapshot, std::vector<ForensicFact>& facts) {
  if (!snapshot.executable) return;
  const Executable& executable = *snapshot.executable;
  auto add = [&](const char* kind, const char* severity, std::string detail) {
    facts.push_back({kind, executable.path, std::move(detail), severity, "raw/executable.bundle", "section exe/link"});
  };
  if (executable.path.starts_with("/memfd:"))
    add("memfd-executable", "medium", "the program was started from memory, without a file");
  else if (executable.deleted)
    add("deleted-executable", "medium", "the program's file is no longer there");
  else if (executable.replaced)
    add("replaced-executable", "low", "another file is at the program's path; an upgrade without a restart does that");
  else if (is_temporary(executable.path))
    add("writable-place-executable", "medium", "the program lies where every user can write");
}

// The parent of each process, as far as it was listed.
std::optional<PidStat> process_stat(const RawStore& store, int pid) {
  std::string name = fmt::format("{}/stat", pid);
  for (const Section& section : store.bundle("raw/processes.bundle"))
    if (section.name == name && !section.failed)
      if (auto stat = parse_pid_stat(name, section.bytes)) return *stat;
  return std::nullopt;
}

void add_tracer_fact(const RawStore& store, int pid, std::vector<ForensicFact>& facts) {
  // The latest reading: during the first one our own stack helper may trace for a moment.
  std::string file = fmt::format("proc/{}/status", pid);
  std::string artifact = raw_path(latest_reading(store, file), file);
  auto status = store.read(artifact);
  if (!status) return;
  LineCursor lines(artifact, *status);
  while (auto line = lines.next()) {
    constexpr std::string_view kKey = "TracerPid:";
    if (!line->starts_with(kKey)) continue;
    auto tracer = parse_number<int>(trim(line->substr(kKey.size())));
    int self = host_constants(store).self_pid;
    if (!tracer || *tracer == 0 || (self != 0 && *tracer == self)) return;
    auto stat = process_stat(store, *tracer);
    if (stat && self != 0 && stat->ppid == self) return;  // our own stack helper
    std::string who = stat ? printable_line(stat->comm, 32) : "unknown";
    facts.push_back({"tracer", fmt::format("{} (pid {})", who, *tracer),
                     "it traces the target: a debugger, strace, or something that hides", "medium", artifact,
                     fmt::format("line {}", lines.line_number())});
    return;
  }
}

// Processes of one program are one fact: a forking service would fill the page.
struct Vanished {
  std::string processes, section;
  size_t count = 0;
};

void add_vanished_facts(const RawStore& store, int target, std::vector<ForensicFact>& facts) {
  constexpr std::string_view kPrefix = "vanished/";
  constexpr size_t kMostNamed = 5;
  std::map<std::string, Vanished> programs;
  for (const Section& section : store.bundle(kForensicsBundle)) {
    if (section.failed || !section.name.starts_with(kPrefix)) continue;
    auto pid = parse_number<int>(section.name.substr(kPrefix.size()));
    size_t tab = section.bytes.find('\t');
    if (!pid || *pid == target || tab == std::string_view::npos) continue;
    std::string_view link = trim(section.bytes.substr(tab + 1));
    if (link.ends_with(kDeletedMark)) link.remove_suffix(kDeletedMark.size());
    Vanished& program = programs[printable_line(link)];
    if (program.count == 0) program.section = fmt::format("section {}", section.name);
    if (++program.count <= kMostNamed)
      program.processes += fmt::format("{}{} (pid {})", program.count == 1 ? "" : ", ",
                                       printable_line(section.bytes.substr(0, tab), 32), *pid);
  }
  size_t count = 0;
  for (const auto& [link, program] : programs) {
    if (++count > kMostFactsOfAKind) break;
    std::string who = program.processes;
    if (program.count > kMostNamed) who += fmt::format(" and {} more", program.count - kMostNamed);
    bool memory = link.starts_with("/memfd:");
    // runc starts every container from a sealed copy of itself in memory.
    bool strange = (memory && !link.starts_with("/memfd:runc_cloned")) || is_temporary(link);
    who += memory ? ": runs from memory, without a file; container runtimes start themselves that way"
                  : ": the program's file is no longer there; an upgrade without a restart does that too";
    facts.push_back({"vanished-executable", link, std::move(who), strange ? "medium" : "info",
                     std::string(kForensicsBundle), program.section});
  }
}

void add_listener_facts(const RawStore& store, const Snapshot& snapshot, std::vector<ForensicFact>& facts) {
  if (!snapshot.sockets) return;
  const SocketSummary& sockets = *snapshot.sockets;
  std::vector<std::string> paths = store.list("raw/sock_diag/");
  size_t count = 0;
  for (size_t i = 0; i < sockets.listening.size() && i < sockets.listening_owner.size() && count < kMostFactsOfAKind;
       ++i) {
    const Socket& socket = sockets.listening[i];
    if (sockets.listening_owner[i].pid != 0 || !(socket.family.starts_with("tcp") || socket.family.starts_with("udp")))
      continue;
    ++count;
    facts.push_back(
        {"unowned-listener", fmt::format("{} {}", socket.family, socket.local),
         "no process that we may look into holds this socket: the kernel's own (NFS, WireGuard), another user's, "
         "or a hidden one",
         "low", paths.empty() ? "raw/sock_diag" : paths.front(), fmt::format("inode {}", socket.inode)});
  }
}

}  // namespace

void parse_forensics(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  std::string maps_artifact = fmt::format("raw/proc/{}/maps", pid),
              environ_artifact = fmt::format("raw/proc/{}/environ", pid);
  auto own = store.read(kForensicsBundle);
  auto maps = store.read(maps_artifact);
  if (!own && !maps) {
    snapshot.forensics = own.error();
    return;
  }
  std::vector<ForensicFact> facts;
  auto add = [&](std::vector<ForensicFact> more) { std::move(more.begin(), more.end(), std::back_inserter(facts)); };
  add_executable_facts(snapshot, facts);
  if (maps)
    add(mapping_facts(*maps, maps_artifact, snapshot.executable ? snapshot.executable->language : std::string{}));
  if (auto environ_text = store.read(environ_artifact)) add(environment_facts(*environ_text, environ_artifact));
  for (const Section& section : store.bundle(kForensicsBundle))
    if (section.name == "ld.so.preload" && !section.failed) add(preload_file_facts(section.bytes, kForensicsBundle));
  add_tracer_fact(store, pid, facts);
  add_vanished_facts(store, pid, facts);
  add_listener_facts(store, snapshot, facts);
  auto weight = [](const ForensicFact& fact) { return fact.severity == "medium" ? 0 : fact.severity == "low" ? 1 : 2; };
  std::stable_sort(facts.begin(), facts.end(), [&](const auto& a, const auto& b) { return weight(a) < weight(b); });
  snapshot.forensics = std::move(facts);
}

void gather_forensics(GatherContext& context) {
  Sink& out = context.out;
  auto proc = ProcRoot::open("/proc");
  if (!proc) return out.failed(kForensicsBundle, "/proc", proc.error());
  if (const TargetIdentity* target = context.target; target != nullptr && !out.hung_before("/etc/ld.so.preload")) {
    out.touch("/etc/ld.so.preload", true);
    std::string root = fmt::format("/proc/{}/task/{}/root", target->pid, target->live_tid);
    auto directory = open_inside(-1, root, O_PATH | O_DIRECTORY);
    auto file = directory ? open_regular(directory->get(), "/etc/ld.so.preload") : std::move(directory);
    std::string text;
    if (!file)
      out.failed_section(kForensicsBundle, "ld.so.preload", file.error());
    else if (ByteSource("/etc/ld.so.preload", std::move(*file)).read_some(0, 64 * 1024, text))
      out.section(kForensicsBundle, "ld.so.preload", printable_utf8(text));
  }
  out.touch("/proc/*/exe");
  size_t found = 0;
  std::string path, buffer;
  (void)proc->each_number("", [&](int pid) {
    path = fmt::format("{}/exe", pid);
    auto link = proc->link(path);
    if (link && (link->ends_with(kDeletedMark) || link->starts_with("/memfd:"))) {
      auto comm = proc->read(fmt::format("{}/comm", pid).c_str(), buffer, 64);
      out.section(
          kForensicsBundle, fmt::format("vanished/{}", pid),
          fmt::format("{}\t{}", comm ? printable_line(trim(*comm)) : std::string{}, printable_line(*link, 4096)));
      ++found;
    }
    return found < kMostVanished && !context.deadline.passed();
  });
  out.section(kForensicsBundle, "done", "");
}

}  // namespace ec
