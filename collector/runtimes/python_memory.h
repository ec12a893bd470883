// Memory of the target as the reader of Python sees it: all of a range or nothing. Live, recorded, or made up by a
// test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "collector/base/error.h"
#include "collector/target/target_memory.h"

namespace ec {

class PythonMemory {
 public:
  virtual ~PythonMemory() = default;
  // All `size` bytes at `address`, or false.
  virtual bool read(uint64_t address, void* destination, size_t size) = 0;

  template <class T>
  std::optional<T> at(uint64_t address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (!read(address, &value, sizeof value)) return std::nullopt;
    return value;
  }
};

class LivePythonMemory : public PythonMemory {
 public:
  explicit LivePythonMemory(pid_t live_tid) : memory_(live_tid) {}
  bool read(uint64_t address, void* destination, size_t size) override {
    return memory_.read(address, destination, size) == size;
  }

 private:
  TargetMemory memory_;
};

// Passes on what another memory holds, and keeps it: the way to a fixture. `source` must outlive this object.
class RecordingMemory : public PythonMemory {
 public:
  explicit RecordingMemory(PythonMemory& source) : source_(source) {}
  bool read(uint64_t address, void* destination, size_t size) override;
  // A bundle (collector/base/bundle.h) whose sections are named by their address in hex.
  std::string bundle() const;

 private:
  PythonMemory& source_;
  std::map<uint64_t, std::string> seen_;
};

// What a RecordingMemory kept.
class RecordedMemory : public PythonMemory {
 public:
  // Errors: malformed.
  static Result<RecordedMemory> from_bundle(std::string_view where, std::string_view bundle);
  // Pieces in ascending order of their addresses.
  void add(uint64_t address, std::string_view bytes);
  bool read(uint64_t address, void* destination, size_t size) override;

 private:
  std::map<uint64_t, std::string> pieces_;
};

}  // namespace ec
