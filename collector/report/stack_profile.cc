#include "collector/report/stack_profile.h"

#include "collector/analysis/thread_words.h"
#include "collector/profile/pprof_writer.h"

namespace ec {

std::vector<std::string> box_names(const std::vector<Frame>& frames, std::span<const uint32_t> stack) {
  std::vector<std::string> names;
  for (auto index = stack.rbegin(); index != stack.rend(); ++index)
    if (*index < frames.size()) names.push_back(short_frame(frames[*index]));
  return names;
}

StackProfile::StackProfile(const std::vector<Frame>& frames, std::string_view time, int64_t period_ns) {
  builder_.sample_type("samples", "count");
  builder_.sample_type(time, "nanoseconds");
  header().period_type = {builder_.text(time), builder_.text("nanoseconds")};
  header().period = period_ns;
  for (const Frame& frame : frames) locations_.push_back(location_of(frame));
}

uint32_t StackProfile::mapping_of(const Frame& frame) {
  if (frame.module.empty()) return kNoPprofMapping;
  PprofMapping mapping;
  mapping.file = builder_.text(frame.module);
  mapping.build_id = builder_.text(frame.build_id);
  mapping.has_functions = true;  // nobody needs to look for symbols again
  return builder_.mapping(mapping);
}

uint32_t StackProfile::location_of(const Frame& frame) {
  PprofFunction function;
  function.name = builder_.text(frame_name(frame, 400));
  function.system_name = builder_.text(frame.symbol);
  function.file = builder_.text(frame.file);
  PprofLine line{builder_.function(function), frame.line};
  PprofLocation location;
  location.address = frame.pc;
  location.mapping = mapping_of(frame);
  return builder_.location(location, {&line, 1});
}

void StackProfile::add(std::span<const uint32_t> stack, int64_t count, int64_t ns, std::string_view thread) {
  std::vector<uint32_t> locations;
  for (uint32_t frame : stack)
    if (frame < locations_.size()) locations.push_back(locations_[frame]);
  const int64_t values[] = {count, ns};
  if (thread.empty()) return builder_.sample(locations, values);
  const PprofLabel label{builder_.text("thread"), builder_.text(thread), 0, 0};
  builder_.sample(locations, values, {&label, 1});
}

Result<std::string> StackProfile::finish(std::string_view where) && {
  auto profile = std::move(builder_).finish(where);
  if (!profile) return tl::unexpected<Error>(profile.error());
  return write_pprof(profile->profile);
}

}  // namespace ec
