#include "collector/collectors/host_system.h"

#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <array>
#include <cstring>
#include <map>

#include "collector/base/text.h"
#include "collector/collectors/host_readings.h"
#include "collector/proc/kernel_words.h"

namespace ec {

namespace {

constexpr std::string_view kHints = "raw/host/virtualisation.bundle";
constexpr size_t kMostUsers = 20'000;

void gather_uname(GatherContext& context) {
  utsname names{};
  if (uname(&names) != 0) return;
  context.out.artifact("raw/host/uname", "uname(2)",
                       fmt::format("sysname {}\nnodename {}\nrelease {}\nversion {}\nmachine {}\n", names.sysname,
                                   names.nodename, names.release, names.version, names.machine));
}

// Name and number of each user: the rest of the line is nobody's business.
void gather_users(GatherContext& context) {
  context.out.touch("/etc/passwd");
  auto passwd = read_file("/etc/passwd", 4u << 20);
  if (!passwd) {
    context.out.failed("raw/host/users", "/etc/passwd", passwd.error());
    return;
  }
  std::string users;
  LineCursor lines("/etc/passwd", *passwd);
  for (size_t count = 0; count < kMostUsers; ++count) {
    auto line = lines.next();
    if (!line) break;
    auto fields = split(*line, ':');
    if (fields.size() > 2) users += fmt::format("{} {}\n", fields[2], fields[0]);
  }
  context.out.artifact("raw/host/users", "/etc/passwd", users, Redact::kText);
}

// Signature of the hypervisor, cpuid leaf 0x40000000; "" on bare metal and on other architectures.
std::string hypervisor_signature() {
#if defined(__x86_64__) || defined(__i386__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c >> 31) == 0) return {};
  __cpuid(0x40000000, a, b, c, d);
  std::array<char, 12> signature{};
  std::memcpy(signature.data(), &b, 4);
  std::memcpy(signature.data() + 4, &c, 4);
  std::memcpy(signature.data() + 8, &d, 4);
  return printable_line(trim(std::string_view(signature.data(), signature.size())), 40);
#else
  return {};
#endif
}

void gather_hints(GatherContext& context) {
  context.out.section(kHints, "cpuid", hypervisor_signature());
  constexpr std::pair<std::string_view, const char*> kFiles[] = {
      {"dmi/sys_vendor", "/sys/class/dmi/id/sys_vendor"},
      {"dmi/product_name", "/sys/class/dmi/id/product_name"},
      {"device-tree", "/proc/device-tree/hypervisor/compatible"},
      {"xen", "/sys/hypervisor/type"},
      {"container", "/run/systemd/container"},
  };
  for (auto [name, file] : kFiles) {
    context.out.touch(file);
    if (auto bytes = read_file(file, 4096)) context.out.section(kHints, name, *bytes);
  }
  for (const char* mark : {"/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"})
    if (access(mark, F_OK) == 0) context.out.section(kHints, mark, "exists");
}

std::map<std::string, std::string> named_lines(const RawStore& store, std::string_view artifact) {
  std::map<std::string, std::string> values;
  auto text = store.read(artifact);
  if (!text) return values;
  LineCursor lines(artifact, *text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto name = fields.word();
    if (name) values.insert_or_assign(std::string(*name), printable_line(trim(fields.rest()), 200));
  }
  return values;
}

std::string virtualisation_of(const RawStore& store) {
  std::map<std::string_view, std::string> hints;
  for (const Section& section : store.bundle(kHints))
    if (!section.failed) hints.insert_or_assign(section.name, printable_line(trim(section.bytes), 100));
  constexpr std::pair<std::string_view, std::string_view> kSignatures[] = {
      {"KVMKVMKVM", "KVM"},        {"Linux KVM Hv", "KVM"},        {"Microsoft Hv", "Hyper-V"},
      {"VMwareVMware", "VMware"},  {"XenVMMXenVMM", "Xen"},        {"bhyve bhyve", "bhyve"},
      {"TCGTCGTCGTCG", "QEMU"},    {"VBoxVBoxVBox", "VirtualBox"}, {"ACRNACRNACRN", "ACRN"},
      {"prl hyperv", "Parallels"},
  };
  std::string words;
  std::string signature = hints["cpuid"];
  for (auto [mark, name] : kSignatures)
    if (signature.starts_with(mark)) words = name;
  if (words.empty() && !signature.empty()) words = "hypervisor " + signature;
  if (words.empty() && hints.contains("xen")) words = "Xen";
  if (words.empty() && hints.contains("device-tree")) words = "KVM";
  std::string vendor = fmt::format("{} {}", hints["dmi/sys_vendor"], hints["dmi/product_name"]);
  if (!words.empty() && !trim(vendor).empty()) words += fmt::format(" ({})", trim(vendor));
  std::string container = hints["container"];
  if (container.empty() && hints.contains("/.dockerenv")) container = "docker";
  if (container.empty() && hints.contains("/run/.containerenv")) container = "podman";
  if (container.empty() && hints.contains("/var/run/secrets/kubernetes.io")) container = "kubernetes";
  if (!container.empty())
    words += fmt::format("{}the collector runs in a container ({})", words.empty() ? "" : "; ", container);
  return words;
}

}  // namespace

std::map<uint32_t, std::string> host_users(const RawStore& store) {
  std::map<uint32_t, std::string> users;
  auto text = store.read("raw/host/users");
  if (!text) return users;
  LineCursor lines("raw/host/users", *text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto number = fields.number<uint32_t>();
    auto name = fields.word();
    if (number && name) users.emplace(*number, printable_line(*name, 64));  // the first name of a number counts
  }
  return users;
}

void gather_host_system(GatherContext& context) {
  gather_uname(context);
  context.out.touch("/etc/os-release");
  if (auto release = read_file("/etc/os-release", 64 * 1024)) {
    context.out.artifact("raw/host/os-release", "/etc/os-release", *release);
  } else {
    context.out.touch("/usr/lib/os-release");
    context.out.file("raw/host/os-release", "/usr/lib/os-release");
  }
  store_once(context, "proc/sys/kernel/random/boot_id", Redact::kNothing);
  store_once(context, "proc/sys/kernel/tainted", Redact::kNothing);
  if (access("/proc/modules", F_OK) == 0)
    store_once(context, "proc/modules", Redact::kNothing);
  else
    context.out.failed("raw/proc/modules", "/proc/modules",
                       Error{ErrorCode::kSkipped, "/proc/modules", "this kernel has no loadable modules", 0});
  store_if_there(context, "raw/proc/cmdline", "/proc/cmdline", Redact::kText);
  store_once(context, "proc/version");
  gather_hints(context);
  gather_users(context);
}

void parse_host_system(const RawStore& store, Snapshot& snapshot) {
  Host& host = snapshot.host;
  auto names = named_lines(store, "raw/host/uname");
  if (names.contains("nodename")) host.name = names["nodename"];
  if (names.contains("release")) host.kernel = names["release"];
  if (names.contains("machine")) host.architecture = names["machine"];
  if (auto text = store.read("raw/host/os-release")) {
    auto release = parse_os_release(*text);
    host.distribution = release.contains("PRETTY_NAME") ? release["PRETTY_NAME"] : release["NAME"];
  }
  if (auto text = store.read("raw/proc/sys/kernel/random/boot_id")) host.boot_id = printable_line(trim(*text), 64);
  host.virtualisation = virtualisation_of(store);
  host.taint = latest(store, "proc/sys/kernel/tainted", parse_taint);
  host.modules = latest(store, "proc/modules", parse_modules);
}

}  // namespace ec
