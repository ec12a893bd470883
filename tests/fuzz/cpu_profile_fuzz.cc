// What the CPU profile is made of: a record of the kernel's ring buffer, whose stack is the target's; the bundle of an
// archive, to its words and pages; and a list of the kernel's symbols. The first byte chooses.
#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/analysis/cpu_time.h"
#include "collector/collectors/cpu_profile.h"
#include "collector/proc/kallsyms.h"
#include "collector/report/page.h"
#include "collector/target/perf_record.h"
#include "tests/support/raw_stores.h"

using namespace ec;

namespace {

void use_record(std::string_view bytes) {
  if (bytes.empty()) return;
  auto record = parse_perf_record(static_cast<uint8_t>(bytes[0]) % 16, bytes.substr(1),
                                  {bytes.size() % 3 == 0, bytes.size() % 2 == 0});
  auto* sample = record ? std::get_if<PerfSample>(&*record) : nullptr;
  if (sample && sample->stack.size > 0) (void)stack_word({sample->stack}, sample->registers.sp());
}

void use_bundle(std::string_view bytes) {
  RawStore store;
  test::put(store, "raw/cpu_profile.bundle", bytes);
  Snapshot snapshot;
  parse_cpu_profile(store, snapshot);
  (void)cpu_words(snapshot);
  (void)late_artifacts(snapshot);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  if (bytes[0] == '=')
    use_bundle(bytes);
  else if (bytes[0] == 'f')
    (void)kernel_functions(bytes, {0xffffffff81000010, 0xffffffffc0000000});
  else
    use_record(bytes);
  return 0;
}
