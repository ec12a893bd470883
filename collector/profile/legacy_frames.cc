#include "collector/profile/legacy_frames.h"

#include <algorithm>
#include <initializer_list>
#include <string>

namespace ec {

namespace {

constexpr std::string_view kAllocators =
    "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|"
    "tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_pvalloc|tc_valloc|tc_realloc|"
    "tc_new|tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|tc_newarray_nothrow|"
    "malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|malloc_zone_realloc|malloc_zone_memalign|"
    "malloc_zone_free|"
    "runtime\\..*|"
    "BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|DoSampledAllocation|"
    "MallocedMemBlock::MallocedMemBlock|_M_allocate|__builtin_(vec_)?delete|__builtin_(vec_)?new|"
    "__gnu_cxx::new_allocator::allocate|__libc_malloc|__malloc_alloc_template::allocate|allocate|cpp_alloc|"
    "operator new(\\[\\])?|simple_alloc::allocate";
// Frames of Go's runtime that are not its allocator.
constexpr std::string_view kNoAllocators = "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";

constexpr std::string_view kLocks =
    "RecordLockProfileData|(base::)?RecordLockProfileData.*|(base::)?SubmitMutexProfileData.*|"
    "(base::)?SubmitSpinLockProfileData.*|(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock.*|"
    "(base::Mutex::)?UnlockSlow.*|(base::Mutex::)?ReaderUnlock.*|(base::MutexLock::)?~MutexLock.*|"
    "(Mutex::)?AwaitCommon.*|(Mutex::)?Unlock.*|(Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*|"
    "(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|(SpinLock::)?SlowUnlock.*|(SpinLockHolder::)?~SpinLockHolder.*";

constexpr std::string_view kSignalHandlers =
    "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|__pthread_sighandler|__restore";

bool has_types(const Pprof& profile, std::initializer_list<std::string_view> types) {
  return std::equal(
      profile.sample_types.begin(), profile.sample_types.end(), types.begin(), types.end(),
      [&](const PprofValueType& row, std::string_view type) { return profile.strings[row.type] == type; });
}

}  // namespace

void set_frames_to_drop(ProfileBuilder& builder) {
  const Pprof& profile = builder.header();
  bool heap = has_types(profile, {"allocations", "size"}) || has_types(profile, {"objects", "space"}) ||
              has_types(profile, {"inuse_objects", "inuse_space"}) ||
              has_types(profile, {"alloc_objects", "alloc_space"}) ||
              has_types(profile, {"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"});
  bool locks = has_types(profile, {"contentions", "delay"});
  uint32_t drop = builder.text(heap ? kAllocators : locks ? kLocks : kSignalHandlers);
  uint32_t keep = builder.text(heap ? kNoAllocators : std::string_view());
  builder.header().drop_frames = drop;
  builder.header().keep_frames = keep;
}

}  // namespace ec
