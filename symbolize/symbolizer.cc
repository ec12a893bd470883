#include "symbolize/symbolizer.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "symbolize/demangle.h"
#include "symbolize/elf_file.h"
#include "symbolize/go_pclntab.h"
#include "symbolize/source_lines.h"
#include "symbolize/symbol_table.h"
#include "symbolize/unpack.h"

namespace ec {

namespace {

constexpr uint64_t kMostPackedBytes = 16u << 20;

// Data with a name is no answer for code without one.
bool in_code(const ElfFile& elf, uint64_t address) {
  const ElfSection* section = elf.section_at(address);
  return section != nullptr && (section->flags & SHF_EXECINSTR);
}

// Go's linker marks assembly functions; its own traces and pclntab do not.
std::string shown_name(std::string_view name, bool demangled) {
  if (name.ends_with(".abi0")) name.remove_suffix(5);
  return demangled ? demangle(name) : std::string(name);
}

}  // namespace

struct Symbolizer::State {
  struct Module {
    std::string path;
    ByteSource source;
    bool opened = false, loaded = false, debug_sought = false, lines_sought = false;
    bool exported_only = false;  // functions that are not exported have no symbol
    std::shared_ptr<const ElfFile> elf, debug;
    std::string build_id;
    SymbolTable symbols;
    std::optional<GoFunctions> go;
    std::optional<SourceLines> lines;
    std::string reason;    // why there is no ELF file, or why its table is thin
    std::string no_lines;  // why there are no lines
    std::string no_debug;  // why there is no debug file
  };

  DebugPlaces places;
  bool demangled = true;
  std::vector<Module> modules;
  // What look() gave last.
  std::vector<SourceFrameView> frames;
  std::vector<SourceFrame> go_frames;
  SymbolName outermost;
  // The name demangled last: neighbours are asked for one after the other.
  std::string last_symbol, last_shown;

  Module& opened(uint32_t index);
  const std::string& shown(const std::string& symbol);
  void load(Module& module) const;
  void find_debug(Module& module) const;
  void find_lines(Module& module) const;
  std::string why_unknown(const Module& module, uint64_t address) const;
};

const std::string& Symbolizer::State::shown(const std::string& symbol) {
  if (symbol != last_symbol) {
    last_symbol = symbol;
    last_shown = shown_name(symbol, demangled);
  }
  return last_shown;
}

Symbolizer::State::Module& Symbolizer::State::opened(uint32_t index) {
  Module& module = modules[index];
  if (module.opened) return module;
  module.opened = true;
  if (module.source.size() == 0) {
    if (module.reason.empty()) module.reason = "the file cannot be read";
    return module;
  }
  auto elf = ElfFile::open(std::move(module.source));
  if (!elf) {
    module.reason = elf.error().message();
    return module;
  }
  module.elf = std::make_shared<const ElfFile>(std::move(*elf));
  module.build_id = module.elf->build_id();
  return module;
}

void Symbolizer::State::find_debug(Module& module) const {
  if (module.debug_sought) return;
  module.debug_sought = true;
  module.debug = find_debug_file(*module.elf, module.path, places, module.no_debug);
}

void Symbolizer::State::find_lines(Module& module) const {
  module.lines_sought = true;
  if (!module.go) module.go = GoFunctions::find(module.elf);
  auto lines = SourceLines::open(module.elf, places, demangled);
  if (!lines && lines.error().code == ErrorCode::kNotFound) {
    find_debug(module);
    if (module.debug) lines = SourceLines::open(module.debug, places, demangled);
  }
  if (lines)
    module.lines = std::move(*lines);
  else if (module.debug || module.no_debug.empty())
    module.no_lines = lines.error().detail;
  else
    module.no_lines = module.no_debug;
}

void Symbolizer::State::load(Module& module) const {
  module.loaded = true;
  if (!module.elf) return;
  size_t full = module.symbols.add(module.elf, SHT_SYMTAB);
  module.symbols.add(module.elf, SHT_DYNSYM);
  // pclntab knows every Go function, so a Go program needs no debug file.
  if (full == 0) module.go = GoFunctions::find(module.elf);
  if (full == 0 && !module.go) {
    find_debug(module);
    module.reason = module.no_debug;
    if (module.debug) full = module.symbols.add(module.debug, SHT_SYMTAB);
  }
  if (const ElfSection* packed = full == 0 ? module.elf->section(".gnu_debugdata") : nullptr) {
    auto xz = module.elf->contents(*packed, kMostPackedBytes);
    auto image = xz ? unpack_xz(*xz) : xz;
    auto inner = image ? ElfFile::open(ByteSource(module.path + " (.gnu_debugdata)", std::move(*image)))
                       : Result<ElfFile>(tl::unexpected<Error>(image.error()));
    if (inner)
      full = module.symbols.add(std::make_shared<const ElfFile>(std::move(*inner)), SHT_SYMTAB);
    else
      module.reason += ", .gnu_debugdata: " + inner.error().message();
  }
  module.exported_only = full == 0;
  module.symbols.sort();
}

std::string Symbolizer::State::why_unknown(const Module& module, uint64_t address) const {
  if (!module.elf) return module.reason;
  const ElfSection* section = module.elf->section_at(address);
  if (section == nullptr && !module.elf->sections().empty()) return "outside every section of the file";
  if (section != nullptr && section->name.starts_with(".plt")) return "a call stub of the dynamic linker (.plt)";
  std::string what = module.symbols.size() == 0 ? "no symbol table" : "no symbol covers it";
  return module.reason.empty() ? what : what + ", " + module.reason;
}

Symbolizer::Symbolizer(int target_root_fd, std::vector<std::string> debug_directories, bool demangled)
    : Symbolizer(DebugPlaces{target_root_fd, std::move(debug_directories)}, demangled) {}
Symbolizer::Symbolizer(DebugPlaces places, bool demangled) : state_(std::make_unique<State>()) {
  state_->places = std::move(places);
  state_->demangled = demangled;
}
Symbolizer::Symbolizer(Symbolizer&&) noexcept = default;
Symbolizer& Symbolizer::operator=(Symbolizer&&) noexcept = default;
Symbolizer::~Symbolizer() = default;

uint32_t Symbolizer::add_module(ModuleFile file) {
  State::Module& module = state_->modules.emplace_back();
  module.path = file.path;
  if (file.fd >= 0) {
    UniqueFd own(::fcntl(file.fd, F_DUPFD_CLOEXEC, 3));
    if (!own) module.reason = "no descriptor left to keep the file open";
    module.source = ByteSource(std::move(file.path), std::move(own));
  } else {
    module.source = ByteSource(std::move(file.path), std::move(file.bytes));
  }
  return static_cast<uint32_t>(state_->modules.size() - 1);
}

std::string Symbolizer::build_id(uint32_t module) {
  return module < state_->modules.size() ? state_->opened(module).build_id : "";
}

std::string Symbolizer::debug_file(uint32_t module) const {
  bool known = module < state_->modules.size() && state_->modules[module].debug;
  return known ? state_->modules[module].debug->source().name() : "";
}

SymbolName Symbolizer::name(uint32_t index, uint64_t elf_address) {
  if (index >= state_->modules.size()) return {{}, 0, "unknown module"};
  State::Module& module = state_->opened(index);
  if (!module.loaded) state_->load(module);
  auto found = module.symbols.find(elf_address);
  // Where nothing says how long the function is, and others may follow that are not listed, only its start is sure.
  bool vague = found && found->size == 0 && module.exported_only && elf_address != found->address;
  if (found && !vague) return {state_->shown(found->name), elf_address - found->address, {}};
  if (module.go && in_code(*module.elf, elf_address))
    if (auto in_go = module.go->find(elf_address)) return {in_go->name, elf_address - in_go->address, {}};
  if (vague)
    return {
        {},
        0,
        fmt::format("{:#x} bytes behind the start of {}, which has no size; functions that are not exported have no "
                    "symbol here",
                    elf_address - found->address, state_->shown(found->name))};
  return {{}, 0, state_->why_unknown(module, elf_address)};
}

SourcePlaceView Symbolizer::look(uint32_t index, uint64_t elf_address) {
  State& state = *state_;
  std::vector<SourceFrameView>& frames = state.frames;
  frames.clear();
  if (index >= state.modules.size()) return {frames, "unknown module"};
  State::Module& module = state.opened(index);
  if (!module.elf) return {frames, module.reason};
  if (!module.lines_sought) state.find_lines(module);
  // pclntab is never stripped and smaller than DWARF.
  if (module.go && in_code(*module.elf, elf_address)) {
    state.go_frames = module.go->source(elf_address);
    for (const SourceFrame& frame : state.go_frames) frames.push_back(view_of(frame));
  }
  if (frames.empty() && module.lines) frames = module.lines->look(elf_address);
  if (frames.empty()) return {frames, module.lines ? "no unit of the debug information covers it" : module.no_lines};
  std::string reason;
  auto nameless = [](const SourceFrameView& frame) { return frame.function.empty(); };
  if (module.lines && std::any_of(frames.begin(), frames.end(), nameless)) reason = module.lines->missing();
  SourceFrameView& outermost = frames.back();
  if (outermost.function.empty() || outermost.short_name) {
    state.outermost = name(index, elf_address);
    if (!state.outermost.name.empty()) outermost.function = state.outermost.name;
  }
  return {frames, std::move(reason)};
}

SourcePlace Symbolizer::source(uint32_t index, uint64_t elf_address) {
  SourcePlaceView view = look(index, elf_address);
  SourcePlace place{{}, std::move(view.reason)};
  for (const SourceFrameView& frame : view.frames) place.frames.push_back(copy_of(frame));
  return place;
}

}  // namespace ec
