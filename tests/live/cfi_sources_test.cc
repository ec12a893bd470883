// Programs whose call frame information is not where it usually is: .debug_frame, in the file or beside it, and
// .eh_frame without a table to look it up in.
#include "tests/live/stack_dumps.h"
#include "tests/support/place.h"

namespace ec::test {

namespace {

// Frame by frame as eu-stack(1) has it, and none of it guessed.
void exact(const std::string& program) {
  CAPTURE(program);
  BackgroundProgram running({program});
  REQUIRE_FALSE(running.wait_for_line("ready").empty());
  same_as_eu_stack(running.pid());
  Snapshot snapshot = dump(running.pid(), StackMode::kAuto);
  for (uint32_t frame : snapshot.stacks->stacks[0].frames) CHECK(snapshot.stacks->frames[frame].found_by != "scan");
}

void run(const std::vector<std::string>& argv) {
  ProgramResult result = run_program(argv);
  INFO(argv[0] << ": " << result.err);
  REQUIRE(result.exit_code == 0);
}

}  // namespace

TEST_CASE("C without asynchronous unwind tables is read by .debug_frame") {
  exact(EC_TARGETS_DIR "/debug_frame");
  exact(EC_TARGETS_DIR "/debug_frame_v4");
  exact(EC_TARGETS_DIR "/debug_frame_packed");
}

TEST_CASE(".debug_frame is taken from the separate debug file that belongs to the program") {
  TempDir folder;
  std::string program = folder / "program", debug = folder / "program.debug";
  std::string build_id = GENERATE("kept", "removed");
  std::vector<std::string> keep{"objcopy", "--only-keep-debug"},
      strip{"objcopy", "--strip-debug", "--add-gnu-debuglink=" + debug};
  if (build_id == "removed") {
    keep.push_back("--remove-section=.note.gnu.build-id");
    strip.push_back("--remove-section=.note.gnu.build-id");
  }
  keep.insert(keep.end(), {EC_TARGETS_DIR "/debug_frame", debug});
  strip.insert(strip.end(), {EC_TARGETS_DIR "/debug_frame", program});
  run(keep);
  run(strip);
  exact(program);

  // One of another program with the same name is not believed.
  std::vector<std::string> other = keep;
  other[other.size() - 2] = EC_TARGETS_DIR "/debug_frame_v4";
  run(other);
  BackgroundProgram running({program});
  REQUIRE_FALSE(running.wait_for_line("ready").empty());
  REQUIRE(settled(running.pid()));
  Snapshot snapshot = dump(running.pid(), StackMode::kAuto);
  std::vector<std::string> how;
  for (uint32_t frame : snapshot.stacks->stacks[0].frames) how.push_back(snapshot.stacks->frames[frame].found_by);
  CHECK(std::count(how.begin(), how.end(), "scan") > 0);
}

TEST_CASE("frames are found when the table of .eh_frame_hdr is missing or of another form") {
  TempDir folder;
  std::string source = EC_SOURCE_DIR "/tests/targets/debug_frame.c";
  std::string linker = GENERATE("-fuse-ld=gold", "-fuse-ld=lld", "-static");
  std::string table = GENERATE("-Wl,--eh-frame-hdr", "-Wl,--no-eh-frame-hdr");
  if (run_program({"gcc", linker, "-x", "c", "-o", "/dev/null", "/dev/null", "-r", "-nostdlib"}).exit_code != 0)
    return not_run_here("needs the linker of gcc " + linker);
  run({"gcc", "-O1", "-fomit-frame-pointer", linker, table, "-o", folder / "program", source});
  exact(folder / "program");
}

TEST_CASE("a header that says nothing useful leads to an index over .eh_frame") {
  TempDir folder;
  run({"gcc", "-O1", "-fomit-frame-pointer", "-o", folder / "whole", EC_SOURCE_DIR "/tests/targets/debug_frame.c"});
  std::string bytes = read_text(folder / "whole");
  auto elf = ElfImage::from_bytes(bytes, "whole");
  REQUIRE(elf);
  REQUIRE((*elf)->eh_frame_header());
  size_t at = (*elf)->eh_frame_header()->offset;
  // Version; encoding of the table: omitted, then one that is not in use; all of it gone.
  for (auto [offset, byte] : {std::pair{0, '\0'}, std::pair{3, '\xff'}, std::pair{3, '\x3c'}, std::pair{1, '\xff'}}) {
    std::string changed = bytes;
    changed[at + static_cast<size_t>(offset)] = byte;
    std::string program = folder / fmt::format("changed-{}-{}", offset, static_cast<unsigned char>(byte));
    write_text(program, changed);
    run({"chmod", "755", program});
    BackgroundProgram running({program});
    REQUIRE_FALSE(running.wait_for_line("ready").empty());
    REQUIRE(settled(running.pid()));
    Snapshot snapshot = dump(running.pid(), StackMode::kAuto);
    CAPTURE(program);
    REQUIRE(snapshot.stacks->stacks.size() == 1);
    CHECK(snapshot.stacks->stacks[0].end == "root");
    for (const Frame& frame : snapshot.stacks->frames)
      CHECK((frame.found_by == "cfi" || frame.found_by == "registers"));
    auto names = symbols(*snapshot.stacks, snapshot.stacks->threads[0]);
    for (const char* name : {"inner", "middle", "outer", "main"}) CHECK(contains(names, name));
  }
}

}  // namespace ec::test
