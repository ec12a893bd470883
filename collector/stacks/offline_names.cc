#include "collector/stacks/offline_names.h"

#include "collector/base/bytes.h"
#include "collector/stacks/frame_requests.h"

namespace ec {

namespace {

constexpr size_t kLongestText = 4096;
// In the place of an address's index: what is told about the module.
constexpr uint32_t kModule = UINT32_MAX;

// Answers cross the process boundary as: module, address (u64 each), then texts (u64 length, bytes) and numbers.
void put_number(std::string& bytes, uint64_t value) { bytes.append(reinterpret_cast<const char*>(&value), 8); }
void put_text(std::string& bytes, std::string_view text) {
  text = text.substr(0, kLongestText);
  put_number(bytes, text.size());
  bytes.append(text);
}
std::string head(size_t module, size_t address) {
  std::string bytes;
  put_number(bytes, module);
  put_number(bytes, address);
  return bytes;
}
bool take_number(ByteCursor& cursor, uint64_t& value) {
  auto read = cursor.read<uint64_t>();
  if (read) value = *read;
  return read.has_value();
}
bool take_text(ByteCursor& cursor, std::string& text) {
  uint64_t size = 0;
  auto bytes = take_number(cursor, size) ? cursor.take(size) : std::nullopt;
  if (bytes) text = *bytes;
  return bytes.has_value();
}

std::string encode(size_t module, size_t address, const SymbolName& name, uint64_t back, const SourcePlace& place) {
  std::string bytes = head(module, address);
  put_text(bytes, name.name);
  put_number(bytes, name.name.empty() ? 0 : name.offset + back);
  for (const SourceFrame& line : place.frames) {
    put_text(bytes, line.function);
    put_text(bytes, line.file);
    put_number(bytes, static_cast<uint64_t>(line.line));
    put_number(bytes, line.inlined);
  }
  return bytes;
}

void take_answer(std::string_view bytes, std::vector<OfflineModule>& modules) {
  ByteCursor cursor(bytes);
  uint64_t index = 0, address = 0;
  if (!take_number(cursor, index) || !take_number(cursor, address) || index >= modules.size()) return;
  OfflineModule& module = modules[index];
  if (address == kModule) {
    take_text(cursor, module.file);
    take_text(cursor, module.debug_file);
    take_text(cursor, module.reason);
    return;
  }
  if (address >= module.addresses.size()) return;
  AddressAnswer answer;
  if (!take_text(cursor, answer.symbol) || !take_number(cursor, answer.symbol_offset)) return;
  SourceFrame line;
  uint64_t number = 0, inlined = 0;
  while (take_text(cursor, line.function) && take_text(cursor, line.file) && take_number(cursor, number) &&
         take_number(cursor, inlined)) {
    line.line = number <= INT32_MAX ? static_cast<int>(number) : 0;
    line.inlined = inlined != 0;
    answer.lines.push_back(line);
  }
  module.addresses[address].answer = std::move(answer);
}

std::string facts(size_t module, const std::string& file, const std::string& debug_file, const std::string& reason) {
  std::string bytes = head(module, kModule);
  put_text(bytes, file);
  put_text(bytes, debug_file);
  put_text(bytes, reason);
  return bytes;
}

}  // namespace

void name_offline(std::vector<OfflineModule>& modules, const DebugPlaces& places, Deadline deadline) {
  Symbolizer symbolizer(places);
  ModuleWork work;
  work.modules = modules.size();
  work.ask = [&](size_t i, FrameWriter& out) {
    const OfflineModule& module = modules[i];
    std::string reason;
    auto file = find_module(module.build_id, module.path, places, reason);
    out.frame(facts(i, file ? file->source().name() : "", "", reason));
    if (!file) return;
    ModuleFile found;
    found.path = file->source().name();
    found.fd = file->source().fd();
    uint32_t id = symbolizer.add_module(std::move(found));
    // Names first: lines may be what takes too long.
    std::vector<SymbolName> names;
    for (size_t at = 0; at < module.addresses.size(); ++at) {
      const OfflineAddress& address = module.addresses[at];
      uint64_t back = address.return_address ? 1 : 0;
      names.push_back(symbolizer.name(id, address.module_offset - back));
      out.frame(encode(i, at, names.back(), back, {}));
    }
    out.flush();
    std::string why, no_lines;
    bool lines = false;
    for (size_t at = 0; at < module.addresses.size(); ++at) {
      const OfflineAddress& address = module.addresses[at];
      uint64_t back = address.return_address ? 1 : 0;
      SourcePlace place = symbolizer.source(id, address.module_offset - back);
      if (!place.frames.empty()) out.frame(encode(i, at, names[at], back, place));
      lines = lines || !place.frames.empty();
      if (no_lines.empty()) no_lines = place.reason;
      if (why.empty() && names[at].name.empty()) why = names[at].reason;
      if (why.empty() && !place.frames.empty()) why = place.reason;
    }
    // Start code never has lines.
    if (why.empty() && !lines) why = no_lines;
    out.frame(facts(i, file->source().name(), symbolizer.debug_file(id), why));
  };
  work.answer = [&](std::string_view bytes) { take_answer(bytes, modules); };
  work.failed = [&](size_t i) { modules[i].reason = "reading this file failed: it may be damaged"; };
  if (auto done = run_modules(work, deadline); !done)
    for (OfflineModule& module : modules)
      if (module.file.empty() && module.reason.empty())
        module.reason = done.error().code == ErrorCode::kTimeout ? "the time was used up" : done.error().message();
}

}  // namespace ec
