#include "symbolize/profile_symbols.h"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "collector/base/text.h"
#include "symbolize/plain_name.h"
#include "symbolize/symbolizer.h"

namespace ec {

namespace {

constexpr size_t kMostInlined = 64;

// Adds rows to a profile that is otherwise left as it is.
class SymbolRows {
 public:
  explicit SymbolRows(OwnedPprof& owned) : owned_(owned), out_(owned.profile) {
    for (uint32_t i = 0; i < out_.strings.size(); ++i) strings_.try_emplace(out_.strings[i], i);
    for (const PprofFunction& function : out_.functions) last_id_ = std::max(last_id_, function.id);
  }

  // False when there is no room for more.
  bool name(PprofLocation& location, const std::vector<SourceFrameView>& frames) {
    size_t count = std::min(frames.size(), kMostInlined);
    bool room = out_.lines.size() + count <= kMostPprofRows && out_.functions.size() + count <= kMostPprofRows &&
                out_.strings.size() + 3 * count <= kMostPprofRows && last_id_ < UINT64_MAX - count;
    if (!room) return false;
    PprofSlice lines{static_cast<uint32_t>(out_.lines.size()), static_cast<uint32_t>(count)};
    for (size_t i = 0; i < count; ++i)
      out_.lines.push_back({function(frames[i].function, frames[i].file), frames[i].line, frames[i].column});
    location.lines = lines;
    return true;
  }

 private:
  uint32_t text(std::string_view text) {
    if (auto known = strings_.find(text); known != strings_.end()) return known->second;
    auto place = std::make_unique<char[]>(text.size());
    std::memcpy(place.get(), text.data(), text.size());
    std::string_view kept(place.get(), text.size());
    owned_.text.push_back(std::move(place));
    out_.strings.push_back(kept);
    return strings_.emplace(kept, static_cast<uint32_t>(out_.strings.size() - 1)).first->second;
  }

  uint32_t function(std::string_view name, std::string_view file) {
    std::pair key{text(name), text(file)};
    auto [place, is_new] = functions_.try_emplace(key, static_cast<uint32_t>(out_.functions.size()));
    if (is_new) {
      PprofFunction row;
      row.id = ++last_id_;
      row.system_name = key.first;
      row.name = text(plain_function(name));
      row.file = key.second;
      out_.functions.push_back(row);
    }
    return place->second;
  }

  OwnedPprof& owned_;
  Pprof& out_;
  std::unordered_map<std::string_view, uint32_t> strings_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> functions_;  // by name and file
  uint64_t last_id_ = 0;
};

// Where an offset of the file is in memory before it is moved; the code's segment first, as segments share pages.
std::optional<uint64_t> elf_address(const ElfFile& elf, uint64_t offset) {
  for (bool code : {true, false})
    for (const ElfSegment& segment : elf.segments()) {
      if (segment.type != PT_LOAD || ((segment.flags & PF_X) != 0) != code) continue;
      if (offset >= segment.offset && offset - segment.offset < segment.memory_size)
        return offset - segment.offset + segment.address;
    }
  return std::nullopt;
}

struct Module {
  std::shared_ptr<const ElfFile> elf;  // null: there is none
  uint32_t id = 0;
};

class Modules {
 public:
  Modules(const DebugPlaces& places, bool trust_paths, ProfileSymbols& told)
      : places_(places), trust_paths_(trust_paths), told_(told), symbolizer_(places, false) {}

  // Every file is opened once, and a problem with it told once.
  const Module& of(std::string_view path, std::string_view build_id) {
    auto [place, is_new] = modules_.try_emplace({std::string(path), std::string(build_id)});
    if (is_new) place->second = open(place->first.first, place->first.second);
    return place->second;
  }

  // The frames of an address, as the linker has the names; empty when nothing is known.
  const std::vector<SourceFrameView>& frames(const Module& module, uint64_t address) {
    const auto& found = symbolizer_.look(module.id, address).frames;
    bool named = !found.empty() && !found.back().function.empty();
    if (named) return found;
    symbol_ = symbolizer_.name(module.id, address).name;
    one_.clear();
    if (!symbol_.empty()) one_.push_back({symbol_, {}, 0, 0, false, false});
    return one_;
  }

 private:
  Module open(const std::string& path, const std::string& build_id) {
    Module module;
    std::string why;
    if (path.starts_with('/')) module.elf = at_path(path, build_id, why);
    if (!module.elf && !build_id.empty()) module.elf = find_module(build_id, path, places_, why);
    if (!module.elf) {
      // "[vdso]", "//anon" and code without a file are no files that somebody could bring.
      if (path.starts_with('/') && !path.starts_with("//"))
        told_.problems.push_back(fmt::format("{}: {}", printable_line(path, 200), why));
      return module;
    }
    ModuleFile file;
    file.path = module.elf->source().name();
    file.fd = module.elf->source().fd();
    module.id = symbolizer_.add_module(std::move(file));
    return module;
  }

  std::shared_ptr<const ElfFile> at_path(const std::string& path, const std::string& build_id, std::string& why) {
    if (build_id.empty() && !trust_paths_) {
      why = "the profile does not have its build id, so that the file here may be another";
      return nullptr;
    }
    auto fd = open_regular(-1, path);
    auto elf = fd ? ElfFile::open(ByteSource(path, std::move(*fd))) : Result<ElfFile>(tl::unexpected(fd.error()));
    if (!elf) {
      why = elf.error().message();
      return nullptr;
    }
    if (!build_id.empty() && elf->build_id() != build_id) {
      why = "the file here has another build id";
      return nullptr;
    }
    if (build_id.empty()) told_.by_path.push_back(printable_line(path, 200));
    return std::make_shared<const ElfFile>(std::move(*elf));
  }

  const DebugPlaces& places_;
  bool trust_paths_;
  ProfileSymbols& told_;
  Symbolizer symbolizer_;
  std::map<std::pair<std::string, std::string>, Module> modules_;  // by path and build id
  std::string symbol_;
  std::vector<SourceFrameView> one_;
};

}  // namespace

ProfileSymbols add_symbols(OwnedPprof& owned, const DebugPlaces& places, bool trust_paths) {
  Pprof& profile = owned.profile;
  ProfileSymbols told;
  std::optional<SymbolRows> rows;
  std::optional<Modules> modules;
  // Who wrote the names of a mapping knew which of its addresses have none.
  std::vector<bool> has_names;
  for (const PprofMapping& mapping : profile.mappings) has_names.push_back(mapping.has_functions);
  for (PprofLocation& location : profile.locations) {
    if (location.lines.count > 0 || location.address == 0 || location.mapping == kNoPprofMapping) continue;
    if (has_names[location.mapping]) continue;
    ++told.without_names;
    PprofMapping& mapping = profile.mappings[location.mapping];
    std::string_view path = profile.strings[mapping.file], build_id = profile.strings[mapping.build_id];
    if ((path.empty() && build_id.empty()) || location.address < mapping.start) continue;
    if (!rows) rows.emplace(owned), modules.emplace(places, trust_paths, told);
    const Module& module = modules->of(path, build_id);
    if (!module.elf) continue;
    auto address = elf_address(*module.elf, location.address - mapping.start + mapping.file_offset);
    if (!address) continue;
    const auto& frames = modules->frames(module, *address);
    if (frames.empty()) continue;
    if (!rows->name(location, frames)) break;
    ++told.named;
    mapping.has_functions = true;
    mapping.has_filenames |= !frames[0].file.empty();
    mapping.has_line_numbers |= frames[0].line > 0;
    mapping.has_inline_frames |= frames.size() > 1;
  }
  return told;
}

}  // namespace ec
