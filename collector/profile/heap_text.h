// Heap profiles as text: gperftools' (heap_v2, heap_v1, heapprofile, growth, fragmentation) and those of Go's
// runtime/pprof with debug=1.
//
//   heap profile:    285: 14678016 [   285: 14678016] @ heap_v2/65536
//        1:    65536 [     1:    65536] @ 0x7f9571439210 0x55b86e0be3f8
//   MAPPED_LIBRARIES:
#pragma once

#include <string_view>

#include "collector/base/error.h"
#include "collector/profile/profile_builder.h"

namespace ec {

// Sampled amounts are scaled to what there is. Sample types: objects, space; with what was allocated and freed since,
// alloc_objects, alloc_space, inuse_objects, inuse_space. Errors: malformed with the line.
Result<OwnedPprof> parse_heap_text(std::string_view where, std::string_view text);

}  // namespace ec
