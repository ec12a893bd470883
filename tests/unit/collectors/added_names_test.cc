// Names that were looked up afterwards, put over the stacks as they were collected.
#include "collector/collectors/added_names.h"

#include <catch2/catch.hpp>

using namespace ec;

namespace {

Frame frame(uint64_t offset, const std::string& found_by) {
  Frame frame;
  frame.pc = 0x550000000000 + offset;
  frame.module = "/bin/program";
  frame.build_id = "ab12";
  frame.module_offset = offset;
  frame.found_by = found_by;
  frame.unknown_reason = "no symbol covers it";
  return frame;
}

// One thread: 0x10 called from 0x20, called from 0x30.
Stacks three_frames() {
  Stacks stacks;
  stacks.frames = {frame(0x10, "registers"), frame(0x20, "cfi"), frame(0x30, "cfi")};
  stacks.stacks.push_back({{0, 1, 2}, "root"});
  stacks.threads.emplace_back().stack = 0;
  return stacks;
}

std::vector<std::string> symbols_of(const Stacks& stacks) {
  std::vector<std::string> symbols;
  for (uint32_t index : stacks.stacks[0].frames) symbols.push_back(stacks.frames[index].symbol);
  return symbols;
}

AddedNames names_for(const std::string& build_id) {
  AddedNames names;
  AddedModule& module = names.modules.emplace_back();
  module.path = "/bin/program";
  module.build_id = build_id;
  module.names = {{0x10, false, "leaf", 4, {}},
                  {0x20, true, "outer", 8, {{"in", "a.cc", 3, 0, true}, {"outer", "a.cc", 9}}}};
  return names;
}

}  // namespace

TEST_CASE("added names and inlined calls take their places, and the rest stays unknown with its reason") {
  Stacks stacks = three_frames();
  put_names(names_for("ab12"), stacks);
  CHECK(symbols_of(stacks) == std::vector<std::string>{"leaf", "in", "outer", ""});
  CHECK(stacks.frames[1].line == 9);
  CHECK(stacks.frames[2].unknown_reason == "no symbol covers it");
  CHECK(stacks.total_frames == 4);
  CHECK(stacks.unresolved_frames == 1);
}

TEST_CASE("names of another build id are not taken, and a frame with a line keeps what it has") {
  Stacks stacks = three_frames();
  put_names(names_for("ab13"), stacks);
  CHECK(symbols_of(stacks) == std::vector<std::string>{"", "", ""});

  stacks.frames[1].symbol = "known";
  stacks.frames[1].file = "b.cc";
  put_names(names_for("ab12"), stacks);
  CHECK(symbols_of(stacks) == std::vector<std::string>{"leaf", "known", ""});
}

TEST_CASE("archives that do not tell return addresses have them inferred") {
  Stacks stacks = three_frames();
  stacks.frames[2].found_by = "signal-frame";  // so 1 is the trampoline
  infer_return_addresses(stacks);
  for (const Frame& each : stacks.frames) CHECK_FALSE(each.return_address);

  stacks.frames[2].found_by = "cfi";
  infer_return_addresses(stacks);
  CHECK_FALSE(stacks.frames[0].return_address);
  CHECK(stacks.frames[1].return_address);

  stacks = three_frames();
  stacks.frames[2].return_address = true;  // it tells
  infer_return_addresses(stacks);
  CHECK_FALSE(stacks.frames[1].return_address);
}

TEST_CASE("raw/symbols.json comes back as it was, and strangers' files do no harm") {
  AddedNames names = names_for("ab12");
  names.version = "1.2";
  names.archive = "a.tar.zst";
  auto back = parse_added_names("x", added_names_json(names));
  REQUIRE(back);
  CHECK(added_names_json(*back) == added_names_json(names));

  for (const char* text : {"", "[]", "{\"modules\":", "7"}) CHECK_FALSE(parse_added_names("x", text));
  for (const char* text :
       {"{}", "{\"modules\":7}", "{\"modules\":[7,null,{\"names\":[[],{\"lines\":[3]}]}]}",
        "{\"modules\":[{\"build_id\":\"ab12\",\"names\":[{\"offset\":\"0x10\",\"lines\":[{\"line\":-5}]}]}]}"}) {
    CAPTURE(text);
    auto parsed = parse_added_names("x", text);
    REQUIRE(parsed);
    Stacks stacks = three_frames();
    put_names(*parsed, stacks);
    CHECK(stacks.frames.size() == 3);
    CHECK(stacks.frames[0].line == 0);
  }
}
