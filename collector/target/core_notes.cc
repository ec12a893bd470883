#include "collector/target/core_notes.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_set>

#include "collector/base/bytes.h"

namespace ec {

namespace {

constexpr size_t kMostProblems = 8;

// struct elf_prstatus. Padding is written out.
struct PrStatus {
  int32_t info_signo, info_code, info_errno;
  int16_t current_signal, padding;
  uint64_t pending, blocked;
  int32_t pid, ppid, pgid, sid;
  int64_t user_seconds, user_microseconds, system_seconds, system_microseconds;
  int64_t children[4];
  uint64_t registers[27];
};
static_assert(sizeof(PrStatus) == 328);  // pr_fpvalid follows

// struct user_regs_struct, <sys/user.h>.
enum { kOrigRax = 15, kFlags = 18, kFsBase = 21, kGsBase = 22 };
constexpr std::array<std::pair<size_t, Register>, 17> kOrder{{{0, Register::kR15},
                                                              {1, Register::kR14},
                                                              {2, Register::kR13},
                                                              {3, Register::kR12},
                                                              {4, Register::kRbp},
                                                              {5, Register::kRbx},
                                                              {6, Register::kR11},
                                                              {7, Register::kR10},
                                                              {8, Register::kR9},
                                                              {9, Register::kR8},
                                                              {10, Register::kRax},
                                                              {11, Register::kRcx},
                                                              {12, Register::kRdx},
                                                              {13, Register::kRsi},
                                                              {14, Register::kRdi},
                                                              {16, Register::kRip},
                                                              {19, Register::kRsp}}};

// struct elf_prpsinfo.
struct PrPsInfo {
  char state, state_letter, zombie;
  int8_t nice;
  uint32_t padding;
  uint64_t flags;
  uint32_t uid, gid;
  int32_t pid, ppid, pgid, sid;
  char name[16], arguments[80];
};
static_assert(sizeof(PrPsInfo) == 136);

double seconds(int64_t whole, int64_t micro) {
  return std::max(0.0, static_cast<double>(whole) + static_cast<double>(micro) / 1e6);
}

std::string text_of(const char* bytes, size_t size) { return std::string(bytes, std::find(bytes, bytes + size, '\0')); }

std::optional<CoreThread> thread_of(std::string_view bytes) {
  auto status = ByteCursor(bytes).read<PrStatus>();
  if (!status || status->pid <= 0) return std::nullopt;
  CoreThread thread;
  thread.tid = status->pid;
  thread.signal = status->current_signal;
  for (auto [at, reg] : kOrder) thread.registers.set(reg, status->registers[at]);
  thread.system_call = static_cast<int64_t>(status->registers[kOrigRax]);
  thread.flags = status->registers[kFlags];
  thread.fs_base = status->registers[kFsBase];
  thread.registers.set(Register::kFsBase, thread.fs_base);
  thread.gs_base = status->registers[kGsBase];
  thread.signals_pending = status->pending;
  thread.signals_blocked = status->blocked;
  thread.user_cpu_seconds = seconds(status->user_seconds, status->user_microseconds);
  thread.system_cpu_seconds = seconds(status->system_seconds, status->system_microseconds);
  return thread;
}

std::optional<CoreProcess> process_of(std::string_view bytes) {
  auto info = ByteCursor(bytes).read<PrPsInfo>();
  if (!info || info->pid <= 0) return std::nullopt;
  CoreProcess process{info->pid, info->ppid, info->pgid, info->sid, info->nice, info->uid, info->gid, '?', {}, {}};
  if (info->state_letter >= 'A' && info->state_letter <= 'z') process.state = info->state_letter;
  process.comm = text_of(info->name, sizeof info->name);
  process.arguments = text_of(info->arguments, sizeof info->arguments);
  while (process.arguments.ends_with(' ')) process.arguments.pop_back();
  return process;
}

// The union of siginfo_t begins at byte 16.
std::optional<CoreSignal> signal_of(std::string_view bytes) {
  ByteCursor cursor(bytes);
  auto number = cursor.read<int32_t>(), error = cursor.read<int32_t>(), code = cursor.read<int32_t>();
  auto padding = cursor.read<int32_t>();
  auto address = cursor.read<uint64_t>();
  if (!error || !padding || !address) return std::nullopt;
  return CoreSignal{*number, *code, *address, static_cast<int32_t>(*address), static_cast<uint32_t>(*address >> 32)};
}

// count, page size, count × (begin, end, offset in pages), count names ending in NUL.
std::optional<std::vector<CoreMappedFile>> files_of(std::string_view bytes) {
  ByteCursor cursor(bytes);
  auto count = cursor.read<uint64_t>(), page = cursor.read<uint64_t>();
  if (!count || !page || *count > cursor.remaining() / 24) return std::nullopt;
  std::vector<CoreMappedFile> files(*count);
  for (CoreMappedFile& file : files) {
    file.begin = *cursor.read<uint64_t>();
    file.end = *cursor.read<uint64_t>();
    auto pages = *cursor.read<uint64_t>();
    if (file.begin >= file.end || __builtin_mul_overflow(pages, *page, &file.offset)) return std::nullopt;
  }
  std::string_view names = bytes.substr(cursor.offset());
  for (CoreMappedFile& file : files) {
    size_t end = names.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    file.path = names.substr(0, end);
    names.remove_prefix(end + 1);
  }
  return files;
}

class NoteReader {
 public:
  CoreNotes read(std::string_view bytes) {
    ByteCursor cursor(bytes);
    while (cursor.remaining() > 0) {
      auto header = cursor.read<Elf64_Nhdr>();
      auto owner = header ? cursor.take(header->n_namesz) : std::nullopt;
      bool whole = owner && cursor.skip(padding(header->n_namesz));
      auto content = whole ? cursor.take(header->n_descsz) : std::nullopt;
      if (!content) {
        problem("they end within a note");
        break;
      }
      cursor.skip(std::min(padding(header->n_descsz), cursor.remaining()));
      if (owner->substr(0, 4) == "CORE") take(header->n_type, *content);
    }
    notes_.by_debugger = !notes_.threads.empty() && notes_.process && notes_.process->ppid != 0 && no_parent_;
    return std::move(notes_);
  }

 private:
  static size_t padding(size_t size) { return (4 - size % 4) % 4; }

  void problem(std::string text) {
    if (notes_.problems.size() < kMostProblems) notes_.problems.push_back(std::move(text));
  }

  void take(uint32_t type, std::string_view content) {
    switch (type) {
      case NT_PRSTATUS:
        if (auto status = ByteCursor(content).read<PrStatus>(); status && status->ppid != 0) no_parent_ = false;
        if (auto thread = thread_of(content); !thread)
          problem("a thread has another layout than that of x86-64");
        else if (tids_.insert(thread->tid).second)
          notes_.threads.push_back(std::move(*thread));
        else
          problem("a thread is listed twice");
        break;
      case NT_PRPSINFO:
        if (!(notes_.process = process_of(content))) problem("the process has another layout than that of x86-64");
        break;
      case NT_SIGINFO:  // of the thread before it
        if (auto signal = signal_of(content); signal && !notes_.threads.empty())
          notes_.threads.back().signal_info = signal;
        break;
      case NT_AUXV:
        if (auto auxv = parse_auxv("NT_AUXV", content))
          notes_.auxv = std::move(*auxv);
        else
          problem("the auxiliary vector is damaged");
        break;
      case NT_FILE:
        if (auto files = files_of(content))
          notes_.files = std::move(*files);
        else
          problem("the list of mapped files is damaged");
        break;
      default:
        break;
    }
  }

  CoreNotes notes_;
  std::unordered_set<int> tids_;
  bool no_parent_ = true;
};

}  // namespace

CoreNotes parse_core_notes(std::string_view bytes) { return NoteReader().read(bytes); }

// Whoever takes a thread out of a wait leaves it as before the call is made again: rax holds a restart code of the
// kernel (include/linux/errno.h), or EINTR of a call that is not.
TaskSyscall blocked_call(const CoreThread& thread) {
  constexpr std::array<int64_t, 5> kInterrupted{-EINTR, -512, -513, -514, -516};
  constexpr std::array kArguments{Register::kRdi, Register::kRsi, Register::kRdx,
                                  Register::kR10, Register::kR8,  Register::kR9};
  TaskSyscall call;
  auto result = static_cast<int64_t>(thread.registers.get(Register::kRax).value_or(0));
  call.running = thread.system_call < 0 || thread.system_call > INT32_MAX ||
                 std::find(kInterrupted.begin(), kInterrupted.end(), result) == kInterrupted.end();
  if (call.running) return call;
  call.number = static_cast<long>(thread.system_call);
  for (size_t i = 0; i < kArguments.size(); ++i) call.arguments[i] = thread.registers.get(kArguments[i]).value_or(0);
  call.stack_pointer = thread.registers.sp();
  call.program_counter = thread.registers.pc();
  return call;
}

}  // namespace ec
