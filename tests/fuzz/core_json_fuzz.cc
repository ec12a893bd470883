// raw/core.json of an archive from anywhere: what parse_core() makes of it, and the words that analysis finds for it.
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/analysis/core_words.h"
#include "collector/analysis/finding.h"
#include "collector/collectors/core.h"
#include "tests/support/raw_stores.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ec;
  RawStore store;
  for (const char* path : {"raw/core.json", "raw/core/cmdline"})
    test::put(store, path, {reinterpret_cast<const char*>(data), size});
  Snapshot snapshot;
  parse_core(store, snapshot);
  if (snapshot.core) {
    (void)signal_words(snapshot);
    (void)cause_words(snapshot);
    (void)analyse(snapshot);
  }
  return 0;
}
