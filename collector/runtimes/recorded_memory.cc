#include "collector/runtimes/recorded_memory.h"

#include <fmt/format.h>

#include <cstring>

#include "collector/base/bundle.h"
#include "collector/base/text.h"

namespace ec {

size_t RecordingMemory::read(uint64_t address, void* destination, size_t size) {
  if (!source_.read_whole(address, destination, size)) return 0;
  std::string& kept = seen_[address];
  if (kept.size() < size) kept.assign(static_cast<const char*>(destination), size);
  return size;
}

std::string RecordingMemory::bundle() const {
  std::string bundle;
  for (const auto& [address, bytes] : seen_) append_section(bundle, fmt::format("{:x}", address), bytes);
  return bundle;
}

Result<RecordedMemory> RecordedMemory::from_bundle(std::string_view where, std::string_view bundle) {
  RecordedMemory memory;
  for (const Section& section : parse_bundle(bundle)) {
    auto address = parse_number<uint64_t>(section.name, 16);
    if (!address) return fail(ErrorCode::kMalformed, std::string(where), "expected sections named by addresses");
    memory.add(*address, section.bytes);
  }
  return memory;
}

// What overlaps the end of the one before grows it.
void RecordedMemory::add(uint64_t address, std::string_view bytes) {
  auto next = pieces_.upper_bound(address);
  if (next != pieces_.begin()) {
    auto& [begin, piece] = *std::prev(next);
    if (address - begin <= piece.size()) {
      uint64_t known = piece.size() - (address - begin);
      if (bytes.size() > known) piece += bytes.substr(known);
      return;
    }
  }
  pieces_.emplace(address, bytes);
}

size_t RecordedMemory::read(uint64_t address, void* destination, size_t size) {
  auto next = pieces_.upper_bound(address);
  if (next == pieces_.begin()) return 0;
  const auto& [begin, piece] = *std::prev(next);
  uint64_t skip = address - begin;
  if (skip > piece.size() || size > piece.size() - skip) return 0;
  std::memcpy(destination, piece.data() + skip, size);
  return size;
}

}  // namespace ec
