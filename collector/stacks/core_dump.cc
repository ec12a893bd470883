#include "collector/stacks/core_dump.h"

#include <algorithm>

#include "collector/base/text.h"
#include "collector/stacks/core_files.h"
#include "collector/stacks/stack_pool.h"
#include "collector/target/quiet_copy.h"

namespace ec {

namespace {

class CoreDump {
 public:
  explicit CoreDump(const CoreDumpRequest& request) : request_(request), core_(*request.core) {
    // The modules are used after this object is gone.
    auto may_open = [may_try = request.may_try](const std::string& path) {
      return !may_try || may_try(path.empty() ? "code of programs" : "file " + path);
    };
    result_.modules = std::make_unique<Modules>(core_.space(),
                                                std::make_unique<CoreModuleFiles>(core_, request.executable, may_open));
    result_.modules->search_debug_files(request.debug_directories);
    unwinder_ = std::make_unique<Unwinder>(*result_.modules);
  }

  StackDump run() {
    result_.mode = DumpMode::kNoStop;
    for (const CoreThread& thread : core_.notes().threads) take(thread);
    std::sort(result_.threads.begin(), result_.threads.end(),
              [](const DumpedThread& a, const DumpedThread& b) { return a.tid < b.tid; });
    return std::move(result_);
  }

 private:
  void take(const CoreThread& thread) {
    DumpedThread& dumped = result_.threads.emplace_back();
    dumped.tid = thread.tid;
    dumped.read_by = DumpedThread::ReadBy::kCore;
    if (request_.deadline.passed()) {
      dumped.note = "the time for stacks was used up before this thread";
      return;
    }
    if (request_.may_try && !request_.may_try(fmt::format("thread {}", thread.tid))) {
      dumped.note = "unwinding it failed: its stack may be damaged";
      return;
    }
    auto fetch = [this](uint64_t address, char* to, size_t size) { return core_.read(address, to, size); };
    if (TaskSyscall call = blocked_call(thread); waits_on_futex(call))
      if (auto word = read_futex_word(thread.tid, call.arguments[0], fetch))
        result_.futexes.push_back(std::move(*word));
    StackRange range = stack_range(core_.space(), thread.registers.sp(), kStackCap);
    size_t got = range.size == 0 ? 0 : core_.read(range.address, room_.first(), range.size);
    std::vector<StackBytes> copies{{range.address, room_.first(), got}};
    if (got == 0) dumped.note = "the core does not hold its stack";
    PcStack stack = room_.unwind(*unwinder_, core_.space(), thread.registers, std::move(copies), fetch);
    dumped.stack = pool_.add(std::move(stack));
  }

  const CoreDumpRequest& request_;
  const CoreFile& core_;
  StackDump result_;
  std::unique_ptr<Unwinder> unwinder_;
  StackRoom room_;
  StackPool pool_{result_.stacks};
};

}  // namespace

StackDump dump_core(const CoreDumpRequest& request) { return CoreDump(request).run(); }

}  // namespace ec
