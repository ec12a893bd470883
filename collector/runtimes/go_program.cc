#include "collector/runtimes/go_program.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "collector/base/text.h"
#include "collector/runtimes/goroutines.h"
#include "symbolize/go_buildinfo.h"

namespace ec {

namespace {

constexpr uint64_t kLongestFunction = 64 * 1024;
constexpr uint64_t kMostReasons = 128, kLongestReason = 64;
constexpr size_t kCheckedGoroutines = 32;

struct Range {
  uint64_t begin = UINT64_MAX, end = 0;
};

// Variables, those that the file holds and those that begin as zeros.
Range data_of(const ElfFile& elf) {
  Range range;
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type != PT_LOAD || !(segment.flags & PF_W) || segment.address > UINT64_MAX - segment.memory_size)
      continue;
    range.begin = std::min(range.begin, segment.address);
    range.end = std::max(range.end, segment.address + segment.memory_size);
  }
  return range;
}

std::vector<uint64_t> references_of(const ElfFile& elf, const GoPcTable& functions, std::string_view name) {
  auto function = functions.named(name);
  if (!function || function->end <= function->entry || function->end - function->entry > kLongestFunction) return {};
  auto offset = elf.file_offset(function->entry);
  if (!offset) return {};
  auto code = elf.source().read(*offset, function->end - function->entry);
  Range data = data_of(elf);
  return code ? data_references(*code, function->entry, data.begin, data.end) : std::vector<uint64_t>{};
}

// What may be the layout, the surest first: the program's debug information, then the table of versions.
Result<std::vector<GoLayout>> layouts_of(const std::shared_ptr<const ElfFile>& file, std::string_view version) {
  auto debug = go_layout_from_debug(file);
  auto table = go_layout(version);
  if (!debug && !table) return tl::unexpected(table.error());
  std::vector<GoLayout> layouts;
  if (debug) layouts.push_back(std::move(*debug));
  if (table) layouts.push_back(std::move(*table));
  if (layouts.size() < 2) return layouts;
  // Where they agree, the table was confirmed; where not, that is worth to know whichever is right.
  if (std::string words = difference(layouts[0], layouts[1]); words.empty())
    layouts.pop_back();
  else
    layouts[0].from += fmt::format(", against the {}: {}", layouts[1].from, words);
  return layouts;
}

// A core leaves out what the program's file has: where memory has nothing, its bytes stand for it.
class WithFile : public RuntimeMemory {
 public:
  WithFile(RuntimeMemory& memory, const ElfFile& elf, uint64_t bias) : memory_(memory), elf_(elf), bias_(bias) {}
  size_t read(uint64_t address, void* destination, size_t size) override {
    size_t got = memory_.read(address, destination, size);
    if (got == size) return got;
    auto offset = elf_.file_offset(address - bias_);
    if (!offset) return got;
    auto bytes = elf_.source().read(*offset, size);
    if (!bytes) return got;
    std::memcpy(destination, bytes->data(), size);
    return size;
  }

 private:
  RuntimeMemory& memory_;
  const ElfFile& elf_;
  uint64_t bias_;
};

}  // namespace

std::vector<uint64_t> data_references(std::string_view code, uint64_t code_address, uint64_t begin, uint64_t end) {
  std::vector<uint64_t> found;
  for (size_t at = 0; at + 4 <= code.size(); ++at) {
    int32_t distance;
    std::memcpy(&distance, code.data() + at, sizeof distance);
    for (uint64_t immediate : {0, 1, 4}) {
      uint64_t target = code_address + at + 4 + immediate + static_cast<uint64_t>(int64_t{distance});
      if (target >= begin && target < end && target % 8 == 0) found.push_back(target);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<std::string> wait_reasons_at(RuntimeMemory& memory, uint64_t address) {
  std::vector<std::string> reasons;
  while (reasons.size() < kMostReasons) {
    auto header = memory.at<std::array<uint64_t, 2>>(address + reasons.size() * 16);
    if (!header || (*header)[1] > kLongestReason || ((*header)[1] == 0) != reasons.empty()) break;
    std::string text((*header)[1], '\0');
    if (memory.read((*header)[0], text.data(), text.size()) != text.size()) break;
    bool words = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
    if (!words) break;
    reasons.push_back(std::move(text));
    // The first three are the same since Go 1.11.
    if (reasons.size() == 2 && reasons[1] != "GC assist marking") return {};
    if (reasons.size() == 3 && reasons[2] != "IO wait") return {};
  }
  return reasons.size() < 3 ? std::vector<std::string>{} : reasons;
}

bool holds_goroutines(RuntimeMemory& memory, uint64_t address, const GoLayout& layout) {
  auto slice = memory.at<GoSlice>(address);
  if (!slice || !slice->plausible()) return false;
  std::vector<uint64_t> pointers(std::min<size_t>(slice->length, kCheckedGoroutines));
  if (memory.read(slice->data, pointers.data(), pointers.size() * 8) != pointers.size() * 8) return false;
  return std::all_of(pointers.begin(), pointers.end(), [&](uint64_t pointer) {
    std::string bytes(layout.size(), '\0');
    if (pointer % 8 != 0 || memory.read(pointer, bytes.data(), bytes.size()) != bytes.size()) return false;
    return read_goroutine(pointer, bytes, layout).has_value();
  });
}

Result<GoProgram> find_go_program(const std::shared_ptr<const ElfFile>& file, uint64_t bias, RuntimeMemory& memory) {
  const ElfFile& elf = *file;
  auto build = go_buildinfo(elf);
  auto functions = GoPcTable::find(elf);
  if (!functions)
    return fail(ErrorCode::kNotFound, "goroutines", "no table of Go functions of a known form in this program");
  std::string version = build ? parse_go_modules(build->version, build->modules).version : std::string{};
  auto layouts = layouts_of(file, version);
  if (!layouts) return tl::unexpected(layouts.error());
  GoProgram program{version, layouts->front(), std::move(*functions), bias, 0, 0, {}};
  for (const GoLayout& layout : *layouts)
    for (uint64_t address : references_of(elf, program.functions, "runtime.allgadd"))
      if (program.all_goroutines == 0 && holds_goroutines(memory, address + bias, layout)) {
        program.layout = layout;
        program.all_goroutines = address + bias;
      }
  if (program.all_goroutines == 0)
    return fail(ErrorCode::kUnsupported, "goroutines",
                fmt::format("the list of goroutines of Go {} was not found where version {} keeps it",
                            printable_line(version, 40), printable_line(program.layout.from, 40)));
  // Its number comes right behind that of systemstack_switch since Go 1.17.
  for (std::string_view name : {"runtime.systemstack_switch", "runtime.systemstack_switch.abi0"})
    if (auto function = program.functions.named(name); function && function->kind != 0 && !version.starts_with("1.16"))
      program.wrapper_kind = static_cast<uint8_t>(function->kind + 1);
  WithFile words(memory, elf, bias);
  for (std::string_view name :
       {"runtime.waitReason.String", "runtime.(*waitReason).String", "runtime.goroutineheader"}) {
    for (uint64_t address : references_of(elf, program.functions, name)) {
      program.wait_reasons = wait_reasons_at(words, address + bias);
      if (!program.wait_reasons.empty()) return program;
    }
  }
  return program;
}

}  // namespace ec
