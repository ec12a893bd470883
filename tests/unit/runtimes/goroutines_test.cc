#include "collector/runtimes/goroutines.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <map>

#include "collector/runtimes/go_channels.h"

using namespace ec;

namespace {

// Pieces of memory; reading outside of them copies nothing.
class PictureOfMemory : public RuntimeMemory {
 public:
  std::map<uint64_t, std::string> pieces;
  // Called before each read: a program goes on while it is looked at.
  std::function<void()> meanwhile;

  size_t read(uint64_t address, void* destination, size_t size) override {
    if (meanwhile) meanwhile();
    auto next = pieces.upper_bound(address);
    if (next == pieces.begin()) return 0;
    auto& [begin, bytes] = *std::prev(next);
    if (address - begin >= bytes.size()) return 0;
    size_t count = std::min<size_t>(size, bytes.size() - (address - begin));
    std::memcpy(destination, bytes.data() + (address - begin), count);
    return count;
  }
  template <class T>
  void put(uint64_t address, T value) {
    auto& [begin, bytes] = *std::prev(pieces.upper_bound(address));
    std::memcpy(bytes.data() + (address - begin), &value, sizeof value);
  }
};

constexpr uint64_t kList = 0x500000, kPointers = 0x600000, kFirst = 0xc000000000;

uint64_t address_of(size_t index) { return kFirst + index * 0x200; }

// As Go 1.19 has them, all parked in one function of 0x18 bytes of frame, called by runtime.goexit.
struct Program {
  explicit Program(size_t count) {
    memory.pieces[kList] = std::string(24, '\0');
    memory.put<uint64_t>(kList, kPointers);
    memory.put<uint64_t>(kList + 8, count);
    memory.put<uint64_t>(kList + 16, count);
    memory.pieces[kPointers] = std::string(count * 8, '\0');
    for (size_t i = 0; i < count; ++i) {
      uint64_t g = address_of(i), stack = 0xd000000000 + i * 0x1000;
      memory.put<uint64_t>(kPointers + i * 8, g);
      memory.pieces[g] = std::string(0x200, '\0');
      memory.pieces[stack] = std::string(0x1000, '\0');
      memory.put<uint64_t>(g, stack);
      memory.put<uint64_t>(g + 8, stack + 0x1000);
      memory.put<uint64_t>(g + 56, stack + 0xf00);
      memory.put<uint64_t>(g + 64, 0x401010);
      memory.put<uint64_t>(g + 72, g);
      memory.put<uint32_t>(g + 144, kGoWaiting);
      memory.put<uint64_t>(g + 152, i + 1);
      memory.put<uint64_t>(stack + 0xf00 + 0x18, 0x401081);
    }
  }
  GoProgram program() const {
    auto functions = GoPcTable::parse(table(), 0x401000);
    REQUIRE(functions);
    return {"1.19.8", *go_layout("1.19.8"), std::move(*functions), 0, kList, 0, {}};
  }
  static std::string table() {
    std::string bytes("\xf0\xff\xff\xff\0\0\1\10", 8);
    auto put = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
    for (uint64_t value : {2, 0, 0x401000, 72, 0, 0, 112, 128}) put(value);
    bytes += std::string("main.wait\0runtime.goexit\0", 25);
    bytes.resize(112);
    bytes += std::string("\0\x32\x80\x01\0", 5);  // 0x18 for 128 bytes
    bytes.resize(128);
    for (uint32_t value : {0u, 20u, 0x80u, 60u, 0x100u}) put(value);
    for (uint32_t value : {0u, 0u, 0u, 0u, 1u, 0u, 0u, 0u, 0u, 0u}) put(value);
    for (uint32_t value : {0x80u, 10u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0x100u}) put(value);
    return bytes;
  }
  PictureOfMemory memory;
};

}  // namespace

TEST_CASE("parked goroutines have their number, their state and an exact stack") {
  Program target(3);
  auto read = read_goroutines(target.program(), target.memory, {});
  REQUIRE(read);
  CHECK(read->total == 3);
  REQUIRE(read->goroutines.size() == 3);
  CHECK(read->goroutines[1].record.id == 2);
  CHECK(go_status_word(read->goroutines[1].record.status) == "waiting");
  REQUIRE(read->stacks.size() == 1);
  CHECK(read->stacks[0].pcs == std::vector<uint64_t>{0x401010, 0x401081});
  CHECK(read->stacks[0].whole);
}

TEST_CASE("goroutines that ended are counted, those that are none are left out") {
  Program target(3);
  target.memory.put<uint32_t>(address_of(0) + 144, kGoDead);
  target.memory.put<uint64_t>(address_of(1) + 72, 0x1234);  // it does not point back to itself
  auto read = read_goroutines(target.program(), target.memory, {});
  REQUIRE(read);
  CHECK(read->ended == 1);
  CHECK(read->left_out == 1);
  CHECK(read->goroutines.size() == 1);
}

TEST_CASE("a goroutine that runs while it is read gets no stack that never was") {
  Program target(1);
  uint64_t ticks = 0;
  target.memory.meanwhile = [&] { target.memory.put<uint64_t>(address_of(0) + 64, 0x401010 + ++ticks % 8); };
  auto read = read_goroutines(target.program(), target.memory, {});
  REQUIRE(read);
  REQUIRE(read->goroutines.size() == 1);
  CHECK(read->goroutines[0].outcome == ReadGoroutine::Stack::kChanged);
  CHECK(read->stacks.empty());
}

TEST_CASE("of too many goroutines evenly spread ones are read, and the rest is counted") {
  Program target(1000);
  GoroutineLimits limits;
  limits.goroutines = 10;
  auto read = read_goroutines(target.program(), target.memory, limits);
  REQUIRE(read);
  CHECK(read->goroutines.size() == 10);
  CHECK(read->goroutines[9].record.id == 901);
  CHECK(read->left_out == 990);
  limits.deadline = Deadline::in(std::chrono::seconds(-1));
  CHECK(read_goroutines(target.program(), target.memory, limits)->left_out == 1000);
}

TEST_CASE("a list that claims more than there is ends where memory ends") {
  Program target(3);
  target.memory.put<uint64_t>(kList + 8, 3'000'000'000);
  target.memory.put<uint64_t>(kList + 16, 3'000'000'000);
  auto read = read_goroutines(target.program(), target.memory, {});
  REQUIRE(read);
  CHECK(read->goroutines.size() == 3);
  CHECK(read->left_out == 3'000'000'000 - 3);
}

TEST_CASE("layouts are known for Go 1.16 to 1.25, and not guessed for others") {
  CHECK(difference(*go_layout("1.19"), *go_layout("1.20")) == "");
  CHECK(difference(*go_layout("1.19"), *go_layout("1.23")) == "atomicstatus at 144, not 152");
  CHECK(go_layout("1.16.15")->creator_pc == 280);
  CHECK(go_layout("1.19.8")->creator_pc == 296);
  CHECK(go_layout("1.22.1")->start_pc == 296);
  CHECK(go_layout("1.24rc1")->id == 160);
  CHECK(go_layout("1.25.3")->m_thread == 64);
  for (const char* version : {"1.15.2", "1.26.0", "devel +abc", "", "2.0"}) {
    auto layout = go_layout(version);
    REQUIRE_FALSE(layout);
    CHECK(layout.error().code == ErrorCode::kUnsupported);
  }
}

TEST_CASE("variables are found by the instructions that refer to them") {
  // mov 0x100(%rip),%rax at 0x1000: 0x1007 + 0xff9 = 0x2000
  std::string code("\x48\x8b\x05\xf9\x0f\0\0", 7);
  CHECK(data_references(code, 0x1000, 0x1f00, 0x2100) == std::vector<uint64_t>{0x2000});
  CHECK(data_references(code, 0x1000, 0x3000, 0x4000).empty());
  // cmpl $0,0xff9(%rip): the distance counts from behind the immediate.
  std::string compare("\x83\x3d\xf9\x0f\0\0\0", 7);
  CHECK(data_references(compare, 0x1000, 0x2000, 0x2008) == std::vector<uint64_t>{0x2000});
}

TEST_CASE("the table of wait reasons is known by its first words") {
  PictureOfMemory memory;
  std::vector<std::string> words{"", "GC assist marking", "IO wait", "chan receive (nil chan)"};
  memory.pieces[0x1000] = std::string((words.size() + 1) * 16, '\0');
  memory.pieces[0x2000] = std::string(0x100, '\0');
  for (size_t i = 1; i < words.size(); ++i) {
    std::memcpy(memory.pieces[0x2000].data() + i * 32, words[i].data(), words[i].size());
    memory.put<uint64_t>(0x1000 + i * 16, 0x2000 + i * 32);
    memory.put<uint64_t>(0x1000 + i * 16 + 8, words[i].size());
  }
  CHECK(wait_reasons_at(memory, 0x1000) == words);
  CHECK(wait_reasons_at(memory, 0x1010).empty());
  memory.put<char>(0x2000 + 32, 'g');
  CHECK(wait_reasons_at(memory, 0x1000).empty());
}

TEST_CASE("a channel that only its waiter has is told from one that another goroutine has on its stack") {
  Program target(3);
  auto channel = [](size_t i) { return 0xf000000000 + i * 0x100; };
  for (size_t i = 0; i < 3; ++i) {
    uint64_t waiter = 0xe000000000 + i * 0x100;  // runtime.sudog
    target.memory.pieces[waiter] = std::string(0x100, '\0');
    target.memory.pieces[channel(i)] = std::string(0x60, '\0');
    target.memory.put<uint8_t>(address_of(i) + 176, 1);
    target.memory.put<uint64_t>(address_of(i) + 328, waiter);
    target.memory.put<uint64_t>(waiter, address_of(i));
    target.memory.put<uint64_t>(waiter + 80, channel(i));
    target.memory.put<uint16_t>(channel(i) + 24, 8);
  }
  target.memory.put<uint64_t>(0xd000000000 + 0x1000 + 0xf80, channel(2));  // on the stack of the second
  target.memory.put<uint64_t>(0xd000000000 + 0x1000 + 0xe80, channel(0));  // behind the end of it
  auto program = target.program();
  program.wait_reasons = {"", "chan send"};
  auto read = read_goroutines(program, target.memory, {});
  REQUIRE(read);
  auto channels = read_channels(program, target.memory, *read, Deadline::never());
  REQUIRE(channels.size() == 3);
  CHECK(channels.at(1).address == channel(0));
  CHECK(channels.at(1).element_bytes == 8);
  CHECK(channels.at(1).others == 0);
  CHECK(channels.at(2).others == 0);
  CHECK(channels.at(3).others == 1);

  SECTION("two that wait for one channel have each other") {
    target.memory.put<uint64_t>(0xe000000000 + 80, channel(1));
    channels = read_channels(program, target.memory, *read, Deadline::never());
    CHECK(channels.at(1).others == 1);
    CHECK(channels.at(2).others == 1);
  }
  SECTION("without all goroutines nothing is said of any") {
    read->left_out = 1;
    CHECK(read_channels(program, target.memory, *read, Deadline::never()).empty());
  }
  SECTION("what is no waiter of this goroutine, or one of a select, is none") {
    target.memory.put<uint64_t>(0xe000000000, 0x1234);
    target.memory.put<uint64_t>(0xe000000100 + 64, 0xe000000200);
    CHECK(read_channels(program, target.memory, *read, Deadline::never()).size() == 1);
  }
}
