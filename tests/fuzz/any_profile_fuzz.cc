// Every form of a profile. What is read can be written, and what was written can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "collector/profile/any_profile.h"
#include "collector/profile/contention_text.h"
#include "collector/profile/count_text.h"
#include "collector/profile/folded.h"
#include "collector/profile/gperftools_cpu.h"
#include "collector/profile/gzip.h"
#include "collector/profile/heap_text.h"
#include "collector/profile/java_text.h"
#include "collector/profile/pprof_writer.h"

namespace {

void check(const ec::Pprof& profile) {
  auto bytes = ec::gunzip("written", ec::write_pprof(profile), ec::kMostUnpackedPprof);
  if (!bytes) std::abort();
  auto again = ec::parse_pprof("written", *bytes);
  if (!again || again->values != profile.values || again->stack != profile.stack) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto any = ec::parse_profile("input", std::string(bytes));
  if (any) check(any->owned.profile);
  if (any && any->form != ec::ProfileForm::kPprof) return 0;
  // Mutations lose the first line first: the parsers behind it see the rest all the same.
  for (std::string title :
       {"heap profile: 1: 1 [2: 2] @ heap_v2/524288\n", "--- contention\n",
        "--- heapz 1 ---\nformat = java\nresolution = bytes\n", "x profile: total 1\n", "--- threadz 1 ---\n", ""})
    if (auto other = ec::parse_profile("input", title + std::string(bytes))) check(other->owned.profile);
  return 0;
}
