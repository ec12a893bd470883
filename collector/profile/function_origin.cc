#include "collector/profile/function_origin.h"

#include <algorithm>
#include <array>
#include <span>

namespace ec {

namespace {

bool starts_with_any(std::string_view text, std::span<const std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return text.starts_with(prefix); });
}
bool is_any(std::string_view text, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// First elements of the import paths of Go's standard library (go list std).
constexpr std::string_view kGoLibrary[] = {
    "archive", "bufio",    "bytes",  "cmp",    "compress", "container", "context", "crypto",  "database", "debug",
    "embed",   "encoding", "errors", "expvar", "flag",     "fmt",       "go",      "hash",    "html",     "image",
    "index",   "io",       "iter",   "log",    "maps",     "math",      "mime",    "net",     "os",       "path",
    "plugin",  "reflect",  "regexp", "slices", "sort",     "strconv",   "strings", "structs", "testing",  "text",
    "time",    "unicode",  "unique", "vendor", "weak",     "builtin",   "unsafe"};

// "encoding/json.(*decodeState).object" → "encoding"; "github.com/…" stays with its dot, so it is no library.
std::string_view first_of_path(std::string_view function) {
  size_t dot = function.find('.'), slash = function.find('/');
  return function.substr(0, std::min(dot, slash));
}

constexpr std::string_view kSystemCalls[] = {"syscall.",
                                             "internal/runtime/syscall.",
                                             "runtime/internal/syscall.",
                                             "internal/syscall/",
                                             "internal/poll.",
                                             "runtime.cgocall",
                                             "runtime.netpoll"};
constexpr std::string_view kLocks[] = {"sync.(*Mutex)",
                                       "sync.(*RWMutex)",
                                       "internal/sync.(*Mutex)",
                                       "sync.runtime_Sema",
                                       "internal/sync.runtime_Sema",
                                       "runtime.lock",
                                       "runtime.unlock",
                                       "runtime.semacquire",
                                       "runtime.semrelease",
                                       "pthread_mutex_",
                                       "__pthread_mutex_",
                                       "___pthread_mutex_",
                                       "pthread_rwlock_",
                                       "__pthread_rwlock_",
                                       "___pthread_rwlock_",
                                       "__lll_lock_"};
constexpr std::string_view kWaits[] = {"sync.", "internal/sync.", "pthread_", "__pthread_", "___pthread_"};
constexpr std::string_view kCollection[] = {"runtime.gc",
                                            "runtime.bgsweep",
                                            "runtime.bgscavenge",
                                            "runtime.sweepone",
                                            "runtime.scanobject",
                                            "runtime.greyobject",
                                            "runtime.markroot",
                                            "runtime.wbBuf",
                                            "runtime.GC",
                                            "runtime.(*gcWork)",
                                            "runtime.scanblock",
                                            "runtime.scanstack",
                                            "runtime.(*sweepLocked)",
                                            "runtime.findObject",
                                            "runtime.(*gcControllerState)",
                                            "runtime.tryDeferToSpanScan"};
constexpr std::string_view kAllocation[] = {
    "runtime.mallocgc",  "runtime.newobject",    "runtime.growslice", "runtime.makeslice",
    "runtime.(*mcache)", "runtime.(*mcentral)",  "runtime.(*mheap)",  "runtime.newarray",
    "runtime.makemap",   "runtime.rawbyteslice", "runtime.rawstring", "runtime.concatstring",
    "tcmalloc::",        "operator new",         "operator delete",   "je_",
    "mi_malloc"};
constexpr std::string_view kAllocators[] = {"malloc",
                                            "calloc",
                                            "realloc",
                                            "free",
                                            "cfree",
                                            "_int_malloc",
                                            "_int_free",
                                            "__libc_malloc",
                                            "__libc_calloc",
                                            "__libc_free",
                                            "malloc_consolidate",
                                            "sysmalloc",
                                            "tc_malloc",
                                            "tc_new",
                                            "posix_memalign",
                                            "aligned_alloc",
                                            "unlink_chunk",
                                            "memalign"};
constexpr std::string_view kScheduling[] = {
    "runtime.mcall",     "runtime.schedule", "runtime.findRunnable", "runtime.findrunnable", "runtime.park_m",
    "runtime.gopark",    "runtime.mstart",   "runtime.stopm",        "runtime.futex",        "runtime.usleep",
    "runtime.notesleep", "runtime.sysmon",   "runtime.goschedImpl",  "runtime.chanrecv",     "runtime.chansend",
    "runtime.selectgo",  "runtime.wakep",    "runtime.ready",        "runtime.epollwait"};

constexpr std::string_view kForCaller[] = {"runtime.asyncPreempt",
                                           "runtime.mem",
                                           "runtime.mapaccess",
                                           "runtime.mapassign",
                                           "runtime.mapdelete",
                                           "runtime.mapiter",
                                           "runtime.strhash",
                                           "runtime.aeshash",
                                           "runtime.duff",
                                           "internal/runtime/maps.",
                                           "internal/bytealg.",
                                           "aeshashbody",
                                           "memeqbody",
                                           "cmpbody",
                                           "indexbytebody",
                                           "memcpy",
                                           "memmove",
                                           "memset",
                                           "memcmp",
                                           "__mem",
                                           "__str"};
constexpr std::string_view kOther[] = {
    "runtime.", "runtime/internal/", "internal/",   "gogo", "_cgo_", "x_cgo_", "__GI_",
    "clone3",   "start_thread",      "__libc_start"};
constexpr std::string_view kCppLibrary[] = {"std::", "__gnu_cxx::", "__cxxabiv1::", "boost::", "absl::"};

bool of_kernel(std::string_view function) {
  return function.starts_with("[k] ") || function.starts_with("[kernel") || function.ends_with("_[k]");
}

}  // namespace

RuntimeWork work_of(std::string_view function) {
  if (starts_with_any(function, kCollection)) return RuntimeWork::kGarbageCollection;
  if (starts_with_any(function, kAllocation) || is_any(function, kAllocators)) return RuntimeWork::kAllocation;
  if (starts_with_any(function, kSystemCalls) || of_kernel(function)) return RuntimeWork::kSystemCall;
  if (starts_with_any(function, kLocks)) return RuntimeWork::kLocking;
  if (starts_with_any(function, kScheduling) || starts_with_any(function, kWaits)) return RuntimeWork::kWaiting;
  if (starts_with_any(function, kForCaller)) return RuntimeWork::kForCaller;
  return starts_with_any(function, kOther) ? RuntimeWork::kOther : RuntimeWork::kNone;
}

FunctionOrigin origin_of(std::string_view function) {
  // The goroutine that main() is on is begun by the runtime, as every thread of C is by its library.
  if (work_of(function) != RuntimeWork::kNone) return FunctionOrigin::kRuntime;
  if (starts_with_any(function, kCppLibrary) || is_any(first_of_path(function), kGoLibrary))
    return FunctionOrigin::kLibrary;
  return FunctionOrigin::kProgram;
}

std::string_view to_string(RuntimeWork work) {
  constexpr std::array<std::string_view, kRuntimeWorks> kWords{"",
                                                               "",
                                                               "other work of the runtime",
                                                               "waiting and scheduling",
                                                               "locks",
                                                               "system calls",
                                                               "memory allocation",
                                                               "garbage collection"};
  return kWords.at(static_cast<size_t>(work));
}

}  // namespace ec
