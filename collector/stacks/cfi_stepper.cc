#include "collector/stacks/cfi_stepper.h"

#include <libunwind.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include "collector/stacks/signal_mask.h"

// Exported by libunwind 1.6 to 1.8, declared in its internal headers only.
extern "C" int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t ip, unw_dyn_info_t*, unw_proc_info_t*,
                                                  int need_unwind_info, void*);

// The static library refers to it from unw_resume, which is never called here, and does not define it.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) int _Ux86_64_setcontext(const void*);
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) int _Ux86_64_setcontext(const void*) { std::abort(); }

namespace ec {

namespace {

// The address of a search table with one entry of two zeros, in the kernel's half where no target memory can be: our
// lookup already found the entry, and libunwind accepts it only through a table.
constexpr unw_word_t kOneEntryTable = 0xffff'9000'0000'0000;
constexpr unw_word_t kOneEntryTableSize = 16;

constexpr std::array kPreserved{Register::kRbx, Register::kRbp, Register::kR12,
                                Register::kR13, Register::kR14, Register::kR15};

// libunwind numbers the registers of x86-64 as DWARF does.
static_assert(UNW_X86_64_RBP == static_cast<int>(Register::kRbp) &&
              UNW_X86_64_RSP == static_cast<int>(Register::kRsp) &&
              UNW_X86_64_RIP == static_cast<int>(Register::kRip) && UNW_X86_64_RDX == static_cast<int>(Register::kRdx));

// libunwind 1.6 does not give back the cache of an address space that it destroys. So spaces are kept and lent again,
// never two at a time: what a cache holds is true of one set of modules only.
class Spaces {
 public:
  ~Spaces() {
    for (unw_addr_space_t space : kept_) unw_destroy_addr_space(space);
  }
  unw_addr_space_t take(unw_accessors_t& accessors) {
    std::lock_guard lock(mutex_);
    if (!kept_.empty()) {
      unw_addr_space_t space = kept_.back();
      kept_.pop_back();
      return space;
    }
    unw_addr_space_t space = unw_create_addr_space(&accessors, 0);
    if (space == nullptr) throw std::bad_alloc();
    unw_set_caching_policy(space, UNW_CACHE_GLOBAL);
    // Twice: libunwind 1.6.2 forgets the first size given to a fresh remote space.
    unw_set_cache_size(space, 1024, 0);
    unw_set_cache_size(space, 1024, 0);
    return space;
  }
  void give_back(unw_addr_space_t space) {
    unw_flush_cache(space, 0, 0);
    std::lock_guard lock(mutex_);
    kept_.push_back(space);
  }

 private:
  std::mutex mutex_;
  std::vector<unw_addr_space_t> kept_;
};

Spaces& spaces() {
  static Spaces all;
  return all;
}

}  // namespace

struct CfiStepper::State {
  explicit State(Modules& all_modules) : modules(all_modules) {}

  Modules& modules;
  unw_addr_space_t space = nullptr;
  unw_cursor_t cursor{};
  Registers registers;  // of the innermost frame; pc as the lookup wants it
  const std::vector<StackBytes>* stack = nullptr;
  Module* module = nullptr;  // that the last lookup found
  uint64_t picture = 0;      // that what libunwind has cached is of
  bool no_info = false;
  bool missing_register = false;
  uint64_t missing_address = 0;

  static State& of(void* argument) { return *static_cast<State*>(argument); }

  static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t* info, int need, void* argument) {
    State& state = of(argument);
    Module* module = state.modules.unwinding_at(ip);
    auto range = module && module->cfi ? module->cfi->find(ip - module->bias) : std::nullopt;
    if (!range) {
      state.no_info = true;
      return -UNW_ENOINFO;
    }
    state.module = module;
    unw_dyn_info_t table{};
    table.format = UNW_INFO_FORMAT_IP_OFFSET;
    table.start_ip = module->bias + range->start;
    table.end_ip = table.start_ip + range->size;
    table.u.rti.segbase = module->bias + range->fde;
    table.u.rti.table_data = kOneEntryTable;
    table.u.rti.table_len = 1;
    int result = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &table, info, need, argument);
    if (result == -UNW_ENOINFO) state.no_info = true;
    return result;
  }

  static void put_unwind_info(unw_addr_space_t, unw_proc_info_t*, void*) {}
  static int get_dyn_info_list_addr(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

  static int access_mem(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* argument) {
    State& state = of(argument);
    if (write) return -UNW_EINVAL;
    if (address > UINT64_MAX - sizeof *value) return -UNW_EINVAL;
    for (const StackBytes& copy : *state.stack)
      if (address >= copy.address && address - copy.address < copy.size && copy.size - (address - copy.address) >= 8) {
        std::memcpy(value, copy.data + (address - copy.address), sizeof *value);
        return 0;
      }
    if (address >= kOneEntryTable) {
      *value = 0;
      return address - kOneEntryTable < kOneEntryTableSize ? 0 : -UNW_EINVAL;
    }
    if (state.read_file(state.module, address, value)) return 0;
    if (Module* module = state.modules.at(address); module != state.module && state.read_file(module, address, value))
      return 0;
    if (state.missing_address == 0) state.missing_address = address;
    return -UNW_EINVAL;
  }

  // A word of a module's file. libunwind reads aligned words: the last one of a segment may be cut, and is padded.
  static bool read_file(Module* module, unw_word_t address, unw_word_t* value) {
    if (!module || !module->image || address < module->bias) return false;
    uint64_t in_file = address - module->bias;
    if (module->cfi->read(in_file, value, sizeof *value)) return true;
    uint64_t end = module->image->segment_end(in_file);
    if (end == 0 || end - in_file >= sizeof *value) return false;
    *value = 0;
    return module->image->read_address(in_file, value, end - in_file);
  }

  static int access_reg(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void* argument) {
    State& state = of(argument);
    if (write || number < 0 || number >= static_cast<int>(kRegisterCount)) return -UNW_EBADREG;
    auto known = state.registers.get(static_cast<Register>(number));
    if (!known) {
      if (state.missing_address == 0) state.missing_register = true;
      return -UNW_EBADREG;
    }
    *value = *known;
    return 0;
  }

  static int access_fpreg(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EINVAL; }
  static int resume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }
  static int get_proc_name(unw_addr_space_t, unw_word_t, char*, size_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

  Registers current() {
    Registers now;
    unw_word_t value = 0;
    if (unw_get_reg(&cursor, UNW_REG_IP, &value) >= 0) now.set(Register::kRip, value);
    if (unw_get_reg(&cursor, UNW_REG_SP, &value) >= 0) now.set(Register::kRsp, value);
    for (Register reg : kPreserved)
      if (unw_get_reg(&cursor, static_cast<unw_regnum_t>(reg), &value) >= 0) now.set(reg, value);
    return now;
  }
};

CfiStepper::CfiStepper(Modules& modules) : state_(std::make_unique<State>(modules)) {
  static unw_accessors_t accessors{State::find_proc_info, State::put_unwind_info, State::get_dyn_info_list_addr,
                                   State::access_mem,     State::access_reg,      State::access_fpreg,
                                   State::resume,         State::get_proc_name};
  state_->space = spaces().take(accessors);
}

CfiStepper::~CfiStepper() { spaces().give_back(state_->space); }

void CfiStepper::start(const Registers& registers, const std::vector<StackBytes>& stack, bool return_address) {
  state_->registers = registers;
  // unw_init_remote() always looks up the pc itself: hand it the one that lies within the call.
  if (return_address) state_->registers.set(Register::kRip, registers.pc() - 1);
  state_->stack = &stack;
  state_->module = nullptr;
  SignalMaskKept kept;
  // Other code may stand there now.
  if (state_->picture != state_->modules.picture()) unw_flush_cache(state_->space, 0, 0);
  state_->picture = state_->modules.picture();
  unw_init_remote(&state_->cursor, state_->space, state_.get());
}

CfiStepper::Step CfiStepper::step() {
  State& state = *state_;
  state.no_info = state.missing_register = false;
  state.missing_address = 0;
  SignalMaskKept kept;
  int result = unw_step(&state.cursor);
  Step step;
  if (state.no_info) {
    step.outcome = Outcome::kNoInfo;  // and the cursor is of no use: libunwind guessed
    return step;
  }
  if (result < 0) {
    step.missing_register = state.missing_register;
    step.missing_address = state.missing_address;
    return step;
  }
  if (result == 0) {
    step.outcome = Outcome::kRoot;
    return step;
  }
  step.registers = state.current();
  step.outcome = step.registers.pc() == 0 ? Outcome::kRoot : Outcome::kStepped;
  step.interrupted = unw_is_signal_frame(&state.cursor) > 0;
  return step;
}

}  // namespace ec
