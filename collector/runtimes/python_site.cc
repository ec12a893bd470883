#include "collector/runtimes/python_site.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint64_t kMostSymbols = 500'000, kSymbolsAtOnce = 512;

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The interpreter in one file, in addresses of memory.
struct Interpreter {
  uint64_t runtime = 0, version = 0, code_type = 0, string_type = 0, bytes_type = 0;
};

std::optional<Interpreter> interpreter_in(ElfImage& image, uint64_t bias) {
  auto found = symbol_addresses(image, {"_PyRuntime", "Py_Version", "PyCode_Type", "PyUnicode_Type", "PyBytes_Type"});
  // Since 3.10 it has a section of its own, which stays when symbols are stripped.
  if (found[0] == 0)
    if (auto section = image.section(".PyRuntime")) found[0] = section->address;
  if (found[0] == 0) return std::nullopt;
  for (uint64_t& address : found)
    if (address != 0) address += bias;
  return Interpreter{found[0], found[1], found[2], found[3], found[4]};
}

std::string version_words(uint64_t hex) {
  return fmt::format("{}.{}.{}", hex >> 24 & 0xff, hex >> 16 & 0xff, hex >> 8 & 0xff);
}

// Where the C library keeps the thread id in its descriptor of a thread. Looked up on x86-64 only: glibc 2.31 to 2.36
// (struct pthread, tid); musl 1.2 (pthread_impl.h), not tried on a real Python.
uint64_t pthread_tid_offset([[maybe_unused]] const AddressSpace& space) {
#if defined(__x86_64__)
  bool musl = std::any_of(space.names.begin(), space.names.end(),
                          [](const std::string& name) { return file_name(name).starts_with("ld-musl-"); });
  return musl ? 48 : 720;
#else
  return 0;
#endif
}

std::optional<int> minor_of_names(const AddressSpace& space, const std::string& module) {
  if (auto minor = python_minor_of_path(module)) return minor;
  for (const std::string& name : space.names)
    if (auto minor = python_minor_of_path(name)) return minor;
  return std::nullopt;
}

Result<void> read_layout(PythonSite& site, uint64_t version_at, RuntimeMemory& memory, const AddressSpace& space) {
  std::array<char, kPythonDebugOffsetsSize> head{};
  if (memory.read_whole(site.runtime, head.data(), head.size()) && std::string_view(head.data(), 8) == "xdebugpy") {
    auto layout = python_layout_from_debug_offsets({head.data(), head.size()});
    if (!layout) return tl::unexpected(layout.error());
    site.layout = *layout;
    uint64_t version;
    std::memcpy(&version, head.data() + 8, sizeof version);
    site.version = version_words(version);
    return {};
  }
  std::optional<int> minor;
  if (auto version = version_at ? memory.at<uint32_t>(version_at) : std::nullopt; version && *version >> 24 == 3) {
    minor = *version >> 16 & 0xff;
    site.version = version_words(*version);
  } else if ((minor = minor_of_names(space, site.module))) {
    site.version = fmt::format("3.{}", *minor);
  }
  if (!minor)
    return fail(ErrorCode::kUnsupported, site.module, "a Python interpreter whose version is not written anywhere");
  auto layout = python_layout(*minor);
  if (!layout) return tl::unexpected(layout.error());
  site.layout = *layout;
  return {};
}

}  // namespace

std::vector<uint64_t> symbol_addresses(ElfImage& image, const std::vector<std::string_view>& names) {
  std::vector<uint64_t> addresses(names.size());
  for (auto [table, strings] : {std::pair{".dynsym", ".dynstr"}, std::pair{".symtab", ".strtab"}}) {
    auto symbols = image.section(table), text = image.section(strings);
    if (!symbols || !text) continue;
    uint64_t count = std::min(symbols->size / sizeof(Elf64_Sym), kMostSymbols);
    std::array<Elf64_Sym, kSymbolsAtOnce> batch;
    for (uint64_t i = 0; i < count; i += batch.size()) {
      uint64_t taken = std::min<uint64_t>(batch.size(), count - i);
      if (!image.read_offset(symbols->offset + i * sizeof(Elf64_Sym), batch.data(), taken * sizeof(Elf64_Sym))) break;
      for (uint64_t k = 0; k < taken; ++k) {
        const Elf64_Sym& symbol = batch[k];
        if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_name >= text->size)
          continue;
        std::array<char, 32> name{};
        uint64_t length = std::min<uint64_t>(name.size() - 1, text->size - symbol.st_name);
        if (!image.read_offset(text->offset + symbol.st_name, name.data(), length)) continue;
        for (size_t wanted = 0; wanted < names.size(); ++wanted)
          if (names[wanted] == name.data()) addresses[wanted] = symbol.st_value;
      }
    }
    if (addresses.front() != 0) break;
  }
  return addresses;
}

std::optional<int> python_minor_of_path(std::string_view path) {
  for (size_t at = path.find("python3."); at != std::string_view::npos; at = path.find("python3.", at + 1)) {
    std::string_view rest = path.substr(at + 8);
    size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (auto minor = parse_number<int>(rest.substr(0, digits)); minor && *minor < 100) return minor;
  }
  return std::nullopt;
}

Result<std::optional<PythonSite>> find_python(Modules& modules, const std::string& executable, RuntimeMemory& memory) {
  std::set<std::string_view> tried;
  for (const Region& region : modules.space().regions) {
    const std::string& name = modules.space().name(region);
    if (!region.executable || (name != executable && file_name(name).find("python") == std::string_view::npos))
      continue;
    if (!tried.insert(name).second) continue;
    Module* module = modules.at(region.begin);
    if (!module || !module->image) continue;
    auto interpreter = interpreter_in(*module->image, module->bias);
    if (!interpreter) continue;
    PythonSite site;
    site.module = module->path;
    site.runtime = interpreter->runtime;
    site.code_type = interpreter->code_type;
    site.string_type = interpreter->string_type;
    site.bytes_type = interpreter->bytes_type;
    site.pthread_tid = pthread_tid_offset(modules.space());
    if (auto read = read_layout(site, interpreter->version, memory, modules.space()); !read)
      return tl::unexpected(read.error());
    return site;
  }
  return std::nullopt;
}

}  // namespace ec
