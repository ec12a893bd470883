#include <algorithm>
#include <nlohmann/json.hpp>

#include "collector/collectors/added_names.h"
#include "collector/collectors/json_members.h"

namespace ec {

namespace {

using nlohmann::json;

std::string hex(uint64_t value) { return fmt::format("{:#x}", value); }

json name_object(const AddedName& name) {
  json object{{"offset", hex(name.module_offset)}};
  if (name.return_address) object["return_address"] = true;
  if (!name.symbol.empty()) {
    object["symbol"] = name.symbol;
    object["symbol_offset"] = hex(name.symbol_offset);
  }
  for (const SourceFrame& line : name.lines) {
    json entry{{"function", line.function}, {"file", line.file}, {"line", line.line}};
    if (line.inlined) entry["inlined"] = true;
    object["lines"].push_back(std::move(entry));
  }
  return object;
}

AddedName name_of(const json& object) {
  AddedName name;
  name.module_offset = hex_of(object, "offset");
  name.return_address = flag_of(object, "return_address");
  name.symbol = text_of(object, "symbol");
  name.symbol_offset = hex_of(object, "symbol_offset");
  for (const json& each : list_of(object, "lines")) {
    SourceFrame& line = name.lines.emplace_back();
    line.function = text_of(each, "function");
    line.file = text_of(each, "file");
    line.line = std::max(int_of(each, "line"), 0);
    line.inlined = flag_of(each, "inlined");
  }
  return name;
}

}  // namespace

std::string added_names_json(const AddedNames& names) {
  json root{{"collector", {{"version", names.version}, {"build_id", names.collector_build_id}}},
            {"at_wall_ns", names.at_wall_ns},
            {"archive", names.archive},
            {"manifest_sha256", names.manifest_sha256}};
  json& modules = root["modules"] = json::array();
  for (const AddedModule& module : names.modules) {
    json& object = modules.emplace_back(json{{"path", module.path}, {"build_id", module.build_id}});
    if (!module.file.empty()) object["file"] = module.file;
    if (!module.debug_file.empty()) object["debug_file"] = module.debug_file;
    if (!module.reason.empty()) object["reason"] = module.reason;
    json& list = object["names"] = json::array();
    for (const AddedName& name : module.names) list.push_back(name_object(name));
  }
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<AddedNames> parse_added_names(std::string_view where, std::string_view text) {
  json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON object");
  AddedNames names;
  if (auto collector = root.find("collector"); collector != root.end()) {
    names.version = text_of(*collector, "version");
    names.collector_build_id = text_of(*collector, "build_id");
  }
  names.at_wall_ns = signed_of(root, "at_wall_ns");
  names.archive = text_of(root, "archive");
  names.manifest_sha256 = text_of(root, "manifest_sha256");
  for (const json& each : list_of(root, "modules")) {
    AddedModule& module = names.modules.emplace_back();
    module.path = text_of(each, "path");
    module.build_id = text_of(each, "build_id");
    module.file = text_of(each, "file");
    module.debug_file = text_of(each, "debug_file");
    module.reason = text_of(each, "reason");
    for (const json& name : list_of(each, "names")) module.names.push_back(name_of(name));
  }
  return names;
}

}  // namespace ec
