#include "collector/stacks/libdw_engine.h"

#include <elfutils/libdwfl.h>
#include <libelf.h>

#include <array>
#include <cstdlib>
#include <deque>

#include "collector/base/text.h"
#include "collector/stacks/libdw_image.h"

namespace ec {

namespace {

constexpr uint64_t kMostFrameBytes = 64u << 20;  // of .eh_frame or .debug_frame of one module
// Up to this size .eh_frame is searched entry by entry (measured: 100 ns each, once), beyond it through its table.
constexpr uint64_t kSearchedBytes = 8u << 20;
constexpr uint64_t kMostBytes = 256u << 20;  // of all modules
constexpr pid_t kThread = 1;                 // libdw wants a number

std::string bytes_at(ElfImage& image, uint64_t address, uint64_t size) {
  std::string bytes(size, '\0');
  if (!image.read_address(address, bytes.data(), bytes.size())) bytes.clear();
  return bytes;
}

// What of a module concerns the addresses of this region.
LibdwImage image_of(Module& module, const Region& region) {
  LibdwImage image{region.begin - module.bias, region.end - region.begin, {}};
  CfiTable::Extent extent = module.cfi->eh_frame();
  if (extent.size > 0 && extent.size <= kMostFrameBytes) {
    const auto& header = module.image->eh_frame_header();
    if (extent.size > kSearchedBytes && header && header->file_size <= kMostFrameBytes)
      image.sections.push_back(
          {".eh_frame_hdr", header->address, bytes_at(*module.image, header->address, header->file_size)});
    image.sections.push_back({".eh_frame", extent.address, bytes_at(*module.image, extent.address, extent.size)});
  }
  if (const std::string& bytes = module.cfi->debug_frame(); !bytes.empty() && bytes.size() <= kMostFrameBytes)
    image.sections.push_back({".debug_frame", 0, bytes});
  return image;
}

}  // namespace

struct LibdwEngine::State {
  explicit State(Modules& all_modules) : modules(all_modules) {}
  ~State() { end(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Modules& modules;
  Dwfl* dwfl = nullptr;
  Elf* machine = nullptr;
  uint64_t picture = 0;           // of the address space that was reported
  std::deque<std::string> files;  // libelf reads and writes them as long as dwfl lives
  uint64_t bytes_left = kMostBytes;
  const Registers* start = nullptr;
  uint64_t start_pc = 0;
  const std::vector<StackBytes>* stack = nullptr;
  std::optional<uint64_t> last_word;  // that libdw read: the return address comes last

  static int find_elf(Dwfl_Module*, void** self, const char*, Dwarf_Addr begin, char**, Elf** elf) {
    State& state = *static_cast<State*>(*self);
    const Region* region = state.modules.space().find(begin);
    Module* module = region ? state.modules.at(begin) : nullptr;
    if (!module || !module->image) return -1;
    LibdwImage image = image_of(*module, *region);
    std::string bytes = image.sections.empty() ? std::string{} : elf_file_of(image);
    if (bytes.empty() || bytes.size() > state.bytes_left) return -1;
    state.bytes_left -= bytes.size();
    std::string& file = state.files.emplace_back(std::move(bytes));
    *elf = elf_memory(file.data(), file.size());
    return -1;
  }
  static int find_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                            char**) {
    return -1;  // .debug_frame of a separate file is in the image already
  }

  static pid_t next_thread(Dwfl*, void* self, void** argument) {
    if (*argument != nullptr) return 0;
    *argument = self;
    return kThread;
  }
  static bool get_thread(Dwfl*, pid_t, void* self, void** argument) {
    *argument = self;
    return true;
  }
  static bool memory_read(Dwfl*, Dwarf_Addr address, Dwarf_Word* value, void* self) {
    State& state = *static_cast<State*>(self);
    auto word = stack_word(*state.stack, address);
    bool read = word || state.modules.read_code(address, &word.emplace(), sizeof *value);
    state.last_word = read ? word : std::nullopt;
    if (read) *value = *word;
    return read;
  }
  static bool set_initial_registers(Dwfl_Thread* thread, void* self) {
    State& state = *static_cast<State*>(self);
    for (int i = 0; i < static_cast<int>(kRegisterCount); ++i) {
      auto value = state.start->get(static_cast<Register>(i));
      if (!value) continue;
      Dwarf_Word word = static_cast<Register>(i) == Register::kRip ? state.start_pc : *value;
      if (!dwfl_thread_state_registers(thread, i, 1, &word)) return false;
    }
    return true;
  }

  void end() {
    dwfl_end(dwfl);
    elf_end(machine);
    dwfl = nullptr;
    machine = nullptr;
    files.clear();
    bytes_left = kMostBytes;
  }

  // The modules of the newest picture of the address space. Their bytes are read when an address in them is met.
  bool prepare() {
    if (dwfl && picture == modules.picture()) return true;
    elf_version(EV_CURRENT);
    end();
    static const Dwfl_Callbacks kCallbacks{find_elf, find_debuginfo, nullptr, nullptr};
    dwfl = dwfl_begin(&kCallbacks);
    if (!dwfl) return false;
    picture = modules.picture();
    dwfl_report_begin(dwfl);
    for (const Region& region : modules.space().regions) {
      if (!region.executable || (region.inode == 0 && modules.space().name(region) != "[vdso]")) continue;
      Dwfl_Module* module =
          dwfl_report_module(dwfl, fmt::format("{:x}", region.begin).c_str(), region.begin, region.end);
      void** userdata = nullptr;
      if (module) dwfl_module_info(module, &userdata, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
      if (userdata) *userdata = this;
    }
    dwfl_report_end(dwfl, nullptr, nullptr);
    // libdw takes the machine from a file; any of ours will do.
    std::string& file = files.emplace_back(elf_file_of({}));
    machine = elf_memory(file.data(), file.size());
    static const Dwfl_Thread_Callbacks kThreads{next_thread,           get_thread, memory_read,
                                                set_initial_registers, nullptr,    nullptr};
    if (machine && dwfl_attach_state(dwfl, machine, kThread, &kThreads, this)) return true;
    end();
    return false;
  }

  bool begin(const Registers& registers, const std::vector<StackBytes>& copies, bool return_address) {
    if (!prepare()) return false;
    start = &registers;
    stack = &copies;
    last_word.reset();
    // libdw takes the first frame for an interrupted one: hand it the address within the call.
    start_pc = registers.pc() - (return_address ? 1 : 0);
    return true;
  }

  struct Entry {
    bool signal_frame = false;
    bool outermost = false;  // it says that the return address is undefined
    bool keeps_rbx = false;  // it says nothing of rbx
  };
  static bool undefined(Dwarf_Frame* frame, Register reg) {
    Dwarf_Op room[3], *operations = nullptr;
    size_t count = 0;
    return dwarf_frame_register(frame, static_cast<int>(reg), room, &operations, &count) == 0 && operations == room &&
           count == 0;
  }
  // What covers `pc`. Without it, libdw would go on by the frame pointer.
  std::optional<Entry> entry_of(uint64_t pc) const {
    Dwfl_Module* module = dwfl_addrmodule(dwfl, pc);
    if (!module) return std::nullopt;
    for (auto get_cfi : {dwfl_module_eh_cfi, dwfl_module_dwarf_cfi}) {
      Dwarf_Addr bias = 0;
      Dwarf_CFI* cfi = get_cfi(module, &bias);
      Dwarf_Frame* frame = nullptr;
      if (!cfi || dwarf_cfi_addrframe(cfi, pc - bias, &frame) != 0) continue;
      Entry entry;
      dwarf_frame_info(frame, nullptr, nullptr, &entry.signal_frame);
      entry.outermost = undefined(frame, Register::kRip);
      entry.keeps_rbx = undefined(frame, Register::kRbx);
      std::free(frame);  // NOLINT(cppcoreguidelines-no-malloc): libdw's rule
      return entry;
    }
    return std::nullopt;
  }
};

LibdwEngine::LibdwEngine(Modules& modules) : state_(std::make_unique<State>(modules)) {}
LibdwEngine::~LibdwEngine() = default;

CfiStepper::Step LibdwEngine::step(const Registers& now, const std::vector<StackBytes>& stack, bool return_address) {
  CfiStepper::Step step;
  if (!state_->begin(now, stack, return_address)) return step;
  auto entry = state_->entry_of(state_->start_pc);
  if (!entry) {
    step.outcome = CfiStepper::Outcome::kNoInfo;
    return step;
  }
  struct Caller {
    int frames = 0;
    Registers registers;
  } caller;
  auto take = [](Dwfl_Frame* frame, void* argument) -> int {
    Caller& result = *static_cast<Caller*>(argument);
    if (++result.frames == 1) return DWARF_CB_OK;
    Dwarf_Word value = 0;
    if (!dwfl_frame_pc(frame, &value, nullptr)) return DWARF_CB_ABORT;
    constexpr std::array kKept{Register::kRbx, Register::kRbp, Register::kRsp, Register::kR12,
                               Register::kR13, Register::kR14, Register::kR15};
    result.registers.set(Register::kRip, value);
    for (Register reg : kKept)
      if (dwfl_frame_reg(frame, static_cast<unsigned>(reg), &value) == 0) result.registers.set(reg, value);
    return DWARF_CB_ABORT;
  };
  int ended = dwfl_getthread_frames(state_->dwfl, kThread, take, &caller);
  if (caller.frames == 2) {
    step.outcome = CfiStepper::Outcome::kStepped;
    step.registers = caller.registers;
    step.interrupted = entry->signal_frame;
    // libdw's table of what calls preserve names register 0, rax, in place of rbx (elfutils 0.188, x86_64_cfi.c).
    if (auto kept = now.get(Register::kRbx); kept && entry->keeps_rbx) step.registers.set(Register::kRbx, *kept);
  } else if (caller.frames == 1 && ended == 0 && (entry->outermost || state_->last_word == 0)) {
    // libdw says the same of a return address that cannot be read.
    step.outcome = CfiStepper::Outcome::kRoot;
  }
  return step;
}

std::vector<uint64_t> LibdwEngine::walk(const Registers& start, const std::vector<StackBytes>& stack,
                                        size_t most_frames) {
  struct Walk {
    std::vector<uint64_t> pcs;
    size_t most;
  } walk{{}, most_frames};
  if (!state_->begin(start, stack, false)) return {};
  auto take = [](Dwfl_Frame* frame, void* argument) -> int {
    Walk& result = *static_cast<Walk*>(argument);
    Dwarf_Addr pc = 0;
    if (result.pcs.size() >= result.most || !dwfl_frame_pc(frame, &pc, nullptr)) return DWARF_CB_ABORT;
    result.pcs.push_back(pc);
    return DWARF_CB_OK;
  };
  dwfl_getthread_frames(state_->dwfl, kThread, take, &walk);
  return walk.pcs;
}

}  // namespace ec
