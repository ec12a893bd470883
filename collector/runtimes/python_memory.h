// Memory that a reader of a runtime asks for, and what a reader saw of it, kept so that it can be read again later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/base/error.h"

namespace ec {

class RuntimeMemory {
 public:
  virtual ~RuntimeMemory() = default;
  // All `size` bytes, or false.
  virtual bool read(uint64_t address, void* destination, size_t size) = 0;
};

class RecordingMemory : public RuntimeMemory {
 public:
  explicit RecordingMemory(RuntimeMemory& source) : source_(source) {}
  bool read(uint64_t address, void* destination, size_t size) override;
  std::string bundle() const;

 private:
  RuntimeMemory& source_;
  std::map<uint64_t, std::string> seen_;
};

class RecordedMemory : public RuntimeMemory {
 public:
  static Result<RecordedMemory> from_bundle(std::string_view where, std::string_view bundle);
  void add(uint64_t address, std::string_view bytes);
  bool read(uint64_t address, void* destination, size_t size) override;

 private:
  std::map<uint64_t, std::string> pieces_;
};

}  // namespace ec
