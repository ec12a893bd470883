// Collector "samples": the stacks of all threads again and again, for --samples and --every. Raw form:
// raw/samples.bundle, one section a sample, complete as far as the run came ("plan", then "1", "2" …), and
// raw/samples.json, the names of what is in them, in the form of raw/stacks.json.
#pragma once

#include "collector/collectors/collector.h"
#include "collector/snapshot/samples.h"

namespace ec {

void gather_samples(GatherContext& context);
void parse_samples(const RawStore& store, Snapshot& snapshot);

// Lines of one section, pure. Hostile: numbers out of range are passed over.
struct SampleText {
  StackSample sample;
  std::vector<std::vector<uint64_t>> new_stacks;  // program counters, innermost first; numbered on from `known`
};
Result<SampleText> parse_sample(std::string_view where, std::string_view text, size_t known);

}  // namespace ec
