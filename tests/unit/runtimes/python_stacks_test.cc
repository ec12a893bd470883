// Python stacks from memory that was recorded from real interpreters (tests/fixtures/python/README), against what
// faulthandler of the same processes wrote.
#include "collector/runtimes/python_stacks.h"

#include <catch2/catch.hpp>
#include <functional>

#include "collector/runtimes/python_site.h"
#include "collector/runtimes/recorded_memory.h"
#include "tests/support/program.h"
#include "tests/support/python_frames.h"

namespace ec::test {

namespace {

struct Fixture {
  std::string name;
  PythonSite site;
  RecordedMemory memory;
};

std::string fixture_text(const std::string& name) { return read_text(std::string(EC_FIXTURES) + "/python/" + name); }

std::vector<Fixture> fixtures() {
  std::vector<Fixture> found;
  std::string sites = fixture_text("sites");
  LineCursor lines("sites", sites);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    std::string name(fields.word().value_or(""));
    int minor = fields.number<int>().value_or(0);
    PythonSite site;
    site.runtime = fields.number<uint64_t>(16).value_or(0);
    site.code_type = fields.number<uint64_t>(16).value_or(0);
    site.string_type = fields.number<uint64_t>(16).value_or(0);
    site.bytes_type = fields.number<uint64_t>(16).value_or(0);
    site.pthread_tid = fields.number<uint64_t>().value_or(0);
    auto memory = RecordedMemory::from_bundle(name, fixture_text(name + ".memory"));
    REQUIRE(memory);
    std::string head(kPythonDebugOffsetsSize, '\0');
    bool described = memory->read_whole(site.runtime, head.data(), head.size());
    CHECK(described == (minor >= 13));
    auto layout = described ? python_layout_from_debug_offsets(head) : python_layout(minor);
    REQUIRE(layout);
    site.layout = *layout;
    found.push_back({name, site, std::move(*memory)});
  }
  REQUIRE(found.size() == 7);
  return found;
}

// Changes what the memory below it holds, as a running program does.
class ChangingMemory : public RuntimeMemory {
 public:
  using Change = std::function<void(uint64_t address, char* bytes, size_t size)>;
  ChangingMemory(RuntimeMemory& memory, Change change) : memory_(memory), change_(std::move(change)) {}
  size_t read(uint64_t address, void* destination, size_t size) override {
    if (!memory_.read_whole(address, destination, size)) return 0;
    change_(address, static_cast<char*>(destination), size);
    return size;
  }

 private:
  RuntimeMemory& memory_;
  Change change_;
};

}  // namespace

TEST_CASE("recorded Python stacks of 3.8 to 3.13 equal those of faulthandler") {
  for (Fixture& fixture : fixtures()) {
    INFO(fixture.name);
    auto read = read_python(fixture.memory, fixture.site, Deadline::never());
    REQUIRE(read);
    auto expected = faulthandler_stacks(fixture_text(fixture.name + ".dump"));
    REQUIRE(expected.size() == 6);
    CHECK(read_stacks(*read) == expected);
    REQUIRE(read->gils.size() == 1);
    CHECK_FALSE(read->gils.front().held);
    for (const PythonThreadRead& thread : read->threads) {
      CHECK(thread.whole);
      CHECK(thread.note == "");
      CHECK(thread.pthread_tid > 0);
      if (fixture.site.layout.native_thread_id != 0) CHECK(thread.native_id == thread.pthread_tid);
      uint32_t frames = 0;
      for (uint32_t count : thread.evaluators) frames += count;
      CHECK(frames == thread.frames.size());
    }
  }
}

TEST_CASE("a Python stack that changes in every reading is left out, with the reason") {
  for (Fixture& fixture : fixtures()) {
    INFO(fixture.name);
    uint64_t count = 0;
    const PythonLayout& layout = fixture.site.layout;
    uint64_t frame_size =
        std::max({layout.frame_code, layout.frame_previous, layout.frame_instruction, layout.frame_entry}) + 8;
    ChangingMemory memory(fixture.memory, [&](uint64_t, char* bytes, size_t size) {
      // Every reading of a frame finds another function in it.
      if (size == frame_size) bytes[layout.frame_code] = static_cast<char>(++count);
    });
    auto read = read_python(memory, fixture.site, Deadline::never());
    REQUIRE(read);
    for (const PythonThreadRead& thread : read->threads) {
      CHECK_FALSE(thread.whole);
      CHECK(thread.frames.empty());
      CHECK(thread.note != "");
    }
  }
}

TEST_CASE("Python frames that form a circle end, with the reason") {
  for (Fixture& fixture : fixtures()) {
    INFO(fixture.name);
    const PythonLayout& layout = fixture.site.layout;
    uint64_t frame_size =
        std::max({layout.frame_code, layout.frame_previous, layout.frame_instruction, layout.frame_entry}) + 8;
    ChangingMemory memory(fixture.memory, [&](uint64_t address, char* bytes, size_t size) {
      if (size == frame_size) std::memcpy(bytes + layout.frame_previous, &address, sizeof address);
    });
    auto read = read_python(memory, fixture.site, Deadline::never());
    REQUIRE(read);
    for (const PythonThreadRead& thread : read->threads) {
      CHECK(thread.frames.empty());
      CHECK(thread.note == "its frames form a circle");
    }
  }
}

TEST_CASE("no interpreter where one is expected") {
  for (Fixture& fixture : fixtures()) {
    fixture.site.runtime += uint64_t{1} << 40;
    auto read = read_python(fixture.memory, fixture.site, Deadline::never());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kMalformed);
  }
}

TEST_CASE("layouts of Python versions that are not known are an error") {
  CHECK(python_layout(7).error().detail == "Python frames of 3.7 are not known; 3.8 to 3.13 are");
  CHECK(python_layout(13).error().detail ==
        "Python 3.13 without readable _Py_DebugOffsets in its _PyRuntime: where its frames are is not known");
  std::string head(kPythonDebugOffsetsSize, '\0');
  CHECK(python_layout_from_debug_offsets(head).error().code == ErrorCode::kMalformed);
  head.replace(0, 8, "xdebugpy");
  uint64_t version = 0x030e00f0;
  std::memcpy(head.data() + 8, &version, sizeof version);
  CHECK(python_layout_from_debug_offsets(head).error().code == ErrorCode::kUnsupported);
  version = 0x030d00f0;
  std::memcpy(head.data() + 8, &version, sizeof version);
  CHECK(python_layout_from_debug_offsets(head));
  head[187] = '\x7f';  // thread_state.current_frame
  CHECK(python_layout_from_debug_offsets(head).error().code == ErrorCode::kMalformed);
}

TEST_CASE("the version of Python in names of files") {
  CHECK(python_minor_of_path("/usr/lib/x86_64-linux-gnu/libpython3.8.so.1.0") == 8);
  CHECK(python_minor_of_path("/usr/bin/python3.11") == 11);
  CHECK(python_minor_of_path("/opt/python3/lib/python3.9/lib-dynload/_json.cpython-39-x86_64-linux-gnu.so") == 9);
  CHECK_FALSE(python_minor_of_path("/usr/bin/python3"));
  CHECK_FALSE(python_minor_of_path("/usr/lib/libpython3.so"));
}

}  // namespace ec::test
