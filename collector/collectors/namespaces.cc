#include "collector/base/text.h"
#include "collector/collectors/process.h"
#include "collector/collectors/process_files.h"

namespace ec {

namespace {

constexpr std::string_view kKinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

// The inode in "net:[4026531840]"; 0 for anything else.
uint64_t namespace_inode(std::string_view link) {
  size_t open = link.find(":[");
  if (open == std::string_view::npos || !link.ends_with(']')) return 0;
  return parse_number<uint64_t>(link.substr(open + 2, link.size() - open - 3)).value_or(0);
}

std::string links_path(int pid) { return process_path(pid, "links.bundle"); }

}  // namespace

void gather_namespaces(GatherContext& context) {
  if (!context.target) return;
  std::string bundle = raw_path(context.reading, links_path(context.target->pid));
  std::string live = live_directory(*context.target);
  auto store = [&](const std::string& name, const std::string& link) {
    context.out.touch(link);
    auto text = read_link(link);
    if (text)
      context.out.section(bundle, name, *text);
    else
      context.out.failed_section(bundle, name, text.error());
  };
  for (const char* name : {"exe", "cwd", "root"}) store(name, fmt::format("{}/{}", live, name));
  for (std::string_view kind : kKinds) {
    store(fmt::format("ns/{}", kind), fmt::format("{}/ns/{}", live, kind));
    store(fmt::format("self/ns/{}", kind), fmt::format("/proc/self/ns/{}", kind));
  }
}

void parse_namespaces(const RawStore& store, Snapshot& snapshot) {
  int pid = snapshot.target.pid;
  if (pid <= 0) return;
  Process& process = snapshot.process;
  std::string path = "raw/" + links_path(pid);
  auto bytes = store.read(path);
  if (!bytes) {
    process.namespaces = bytes.error();
    process.cwd = bytes.error();
    process.root = bytes.error();
    return;
  }
  std::map<std::string, uint64_t> ours;
  std::vector<NamespaceLink> links;
  std::optional<Error> why;
  auto sections = parse_bundle(*bytes);
  for (const Section& section : sections)
    if (section.name.starts_with("self/ns/") && !section.failed)
      ours[std::string(section.name.substr(8))] = namespace_inode(section.bytes);
  for (const Section& section : sections) {
    if (section.name == "cwd" || section.name == "root") {
      Part<std::string>& part = section.name == "cwd" ? process.cwd : process.root;
      if (section.failed)
        part = section.error;
      else
        part = std::string(section.bytes);
    }
    if (!section.name.starts_with("ns/")) continue;
    if (section.failed) {
      // A kernel may lack one kind; none at all is a matter of permission or of death.
      if (!why) why = section.error;
      continue;
    }
    NamespaceLink link;
    link.kind = section.name.substr(3);
    link.inode = namespace_inode(section.bytes);
    auto same = ours.find(link.kind);
    link.same_as_ours = same != ours.end() && same->second == link.inode;
    links.push_back(std::move(link));
  }
  if (!links.empty())
    process.namespaces = std::move(links);
  else
    process.namespaces = why.value_or(Error{ErrorCode::kTruncated, path, "expected sections ns/…", 0});
}

}  // namespace ec
