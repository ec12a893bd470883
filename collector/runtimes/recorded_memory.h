// Memory of a target that was recorded, for tests of its readers: all of a range or nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/runtimes/memory.h"

namespace ec {

// Passes on what another memory holds, and keeps it: the way to a fixture. `source` must outlive this object.
class RecordingMemory : public RuntimeMemory {
 public:
  explicit RecordingMemory(RuntimeMemory& source) : source_(source) {}
  size_t read(uint64_t address, void* destination, size_t size) override;
  // A bundle (collector/base/bundle.h) whose sections are named by their address in hex.
  std::string bundle() const;

 private:
  RuntimeMemory& source_;
  std::map<uint64_t, std::string> seen_;
};

// What a RecordingMemory kept.
class RecordedMemory : public RuntimeMemory {
 public:
  // Errors: malformed.
  static Result<RecordedMemory> from_bundle(std::string_view where, std::string_view bundle);
  // Pieces in ascending order of their addresses.
  void add(uint64_t address, std::string_view bytes);
  size_t read(uint64_t address, void* destination, size_t size) override;

 private:
  std::map<uint64_t, std::string> pieces_;
};

}  // namespace ec
