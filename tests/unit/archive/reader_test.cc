#include "collector/archive/reader.h"

#include <catch2/catch.hpp>

#include "collector/archive/manifest.h"
#include "collector/archive/members.h"
#include "collector/archive/writer.h"
#include "tests/unit/archive/temporary_folder.h"

using namespace ec;

namespace {

const ArchiveFormat kFormats[] = {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip};

// A finished archive with artifacts raw/0 … raw/9, and where each one's frame ends.
std::string made(const TemporaryFolder& folder, ArchiveFormat format, std::vector<size_t>* ends = nullptr) {
  WriterOptions chosen;
  chosen.output = folder.path();
  chosen.folder = "incident-a-b-c-7-20261120T214638Z";
  chosen.format = format;
  auto writer = ArchiveWriter::create(chosen);
  REQUIRE(writer);
  for (int i = 0; i < 10; ++i) {
    ArtifactRow row;
    row.path = "raw/" + std::to_string(i);
    REQUIRE((*writer)->add(row, "bytes of " + std::to_string(i) + std::string(static_cast<size_t>(i) * 100, 'x')));
    if (ends) ends->push_back(std::filesystem::file_size((*writer)->path()));
    if (i == 4) (*writer)->checkpoint();
  }
  REQUIRE((*writer)->finish(manifest_json(Snapshot{}, (*writer)->rows(), true)));
  return (*writer)->path();
}

}  // namespace

TEST_CASE("cut at any byte, everything whole before the cut is read and verifies") {
  for (ArchiveFormat format : kFormats) {
    TemporaryFolder folder;
    std::vector<size_t> ends;
    std::string bytes = contents(made(folder, format, &ends));
    for (size_t cut = 0; cut < bytes.size(); cut += 13) {
      write_contents(folder / "cut", bytes.substr(0, cut));
      auto archive = open_archive(folder / "cut");
      size_t whole =
          static_cast<size_t>(std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end <= cut; }));
      INFO(extension(format) << " cut at " << cut << " of " << bytes.size() << ", whole " << whole);
      if (!archive) {
        REQUIRE(whole == 0);
        CHECK(archive.error().code == ErrorCode::kMalformed);
        continue;
      }
      Verification verification = verify(*archive);
      REQUIRE(verification.hashes_right >= whole);
      REQUIRE(verification.problems.size() <= 10);
      if (!archive->finished) CHECK(verification.problems.empty());
    }
  }
}

TEST_CASE("a damaged frame costs itself only, and the damage is told") {
  for (ArchiveFormat format : {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz}) {
    TemporaryFolder folder;
    std::vector<size_t> ends;
    std::string bytes = contents(made(folder, format, &ends));
    // The second half of raw/4's frame.
    for (size_t i = (ends[3] + ends[4]) / 2; i < ends[4]; ++i) bytes[i] = static_cast<char>(~bytes[i]);
    write_contents(folder / "damaged", bytes);
    auto archive = open_archive(folder / "damaged");
    REQUIRE(archive);
    INFO(archive->damage);
    Verification verification = verify(*archive);
    CHECK(verification.hashes_right == 9);
    CHECK(verification.problems == std::vector<std::string>{"raw/4: in the manifest, not in the archive"});
    CHECK(archive->damage.find("bytes " + std::to_string(ends[3]) + " to ") == 0);
  }
}

TEST_CASE("a changed byte is found by its hash") {
  TemporaryFolder folder;
  std::string path = made(folder, ArchiveFormat::kTarZst);
  output_of("tar -C " + folder.path() + " --zstd -xf " + path);
  std::string unpacked = folder / "incident-a-b-c-7-20261120T214638Z";
  write_contents(unpacked + "/raw/3", "bytes of 3" + std::string(299, 'x') + "y");
  write_contents(unpacked + "/raw/4", "short");
  std::filesystem::remove(unpacked + "/raw/5");
  write_contents(unpacked + "/raw/more", "nobody listed it");
  auto archive = open_archive(unpacked);
  REQUIRE(archive);
  Verification verification = verify(*archive);
  CHECK(verification.artifacts == 10);
  CHECK(verification.hashes_right == 7);
  CHECK(verification.problems == std::vector<std::string>{"raw/3: hash differs", "raw/4: 5 bytes, 410 expected",
                                                          "raw/5: in the manifest, not in the archive"});
  CHECK(verification.unlisted == std::vector<std::string>{"raw/more"});
}

TEST_CASE("archives that somebody packed again are read too") {
  TemporaryFolder folder;
  std::string path = made(folder, ArchiveFormat::kTarZst), name = "incident-a-b-c-7-20261120T214638Z";
  output_of("cd " + folder.path() + " && tar --zstd -xf " + path + " && tar -cf plain.tar " + name +
            " && gzip -k plain.tar && zstd -q plain.tar"
            " && tar -C " +
            name + " -czf inside.tar.gz . && python3 -m zipfile -c again.zip " + name);
  for (const char* again : {"plain.tar", "plain.tar.gz", "plain.tar.zst", "inside.tar.gz", "again.zip"}) {
    INFO(again);
    auto archive = open_archive(folder / again);
    REQUIRE(archive);
    CHECK(archive->damage.empty());
    CHECK(verify(*archive).hashes_right == 10);
  }
}

TEST_CASE("hostile members stay out") {
  TemporaryFolder folder;
  output_of("cd " + folder.path() +
            " && python3 -c \"\n"
            "import tarfile, io\n"
            "t = tarfile.open(\\\"evil.tar\\\", \\\"w\\\")\n"
            "def add(name, kind=tarfile.REGTYPE, link=\\\"\\\", data=b\\\"x\\\"):\n"
            "    i = tarfile.TarInfo(name); i.type = kind; i.linkname = link; i.size = len(data) if kind == "
            "tarfile.REGTYPE else 0\n"
            "    t.addfile(i, io.BytesIO(data))\n"
            "add(\\\"f/ok\\\")\n"
            "add(\\\"f/../../evil\\\")\n"
            "add(\\\"/etc/evil\\\")\n"
            "add(\\\"f/a\\\\x1bb\\\")\n"
            "add(\\\"f/link\\\", tarfile.SYMTYPE, \\\"/etc/passwd\\\")\n"
            "add(\\\"f/hard\\\", tarfile.LNKTYPE, \\\"f/ok\\\")\n"
            "add(\\\"f/fifo\\\", tarfile.FIFOTYPE)\n"
            "t.close()\n\"");
  auto archive = open_archive(folder / "evil.tar");
  REQUIRE(archive);
  CHECK(archive->store.list("") == std::vector<std::string>{"ok"});
  CHECK(archive->damage.find("unsafe name") != std::string::npos);
}

TEST_CASE("what is no archive is told so") {
  TemporaryFolder folder;
  write_contents(folder / "text", "hello, this is no archive\n");
  write_contents(folder / "empty", "");
  CHECK(open_archive(folder / "text").error().code == ErrorCode::kMalformed);
  CHECK(open_archive(folder / "empty").error().code == ErrorCode::kMalformed);
  CHECK(open_archive(folder / "missing").error().code == ErrorCode::kNotFound);
  CHECK(open_archive("/dev/null").error().code == ErrorCode::kMalformed);
  std::filesystem::create_directory(folder / "nothing");
  CHECK(open_archive(folder / "nothing").error().code == ErrorCode::kMalformed);
}

TEST_CASE("facts of an archive without a manifest come from its name and its rows") {
  TemporaryFolder folder;
  std::vector<size_t> ends;
  std::string bytes = contents(made(folder, ArchiveFormat::kTarZst, &ends));
  write_contents(folder / "cut", bytes.substr(0, ends[8]));
  auto archive = open_archive(folder / "cut");
  REQUIRE(archive);
  CHECK(archive->folder == "incident-a-b-c-7-20261120T214638Z");
  CHECK(archive->target.pid == 7);
  CHECK(archive->run.started_wall_ns == 1'795'211'198'000'000'000);
  CHECK(archive->rows.size() == 9);  // five from the journal, four from the artifacts behind it
  CHECK(archive->damage.empty());
}

TEST_CASE("rows and manifests from strangers") {
  CHECK(!row_from_json("nonsense"));
  CHECK(!row_from_json("[]"));
  CHECK(!row_from_json(R"({"path":5,"status":"ok"})"));
  CHECK(!row_from_json(R"({"path":"a","status":"great"})"));
  auto odd = row_from_json(R"({"path":"a","status":"ok","bytes":-1,"at_ms":"x","sha256":[]})");
  REQUIRE(odd);
  CHECK(odd->bytes == 0);
  CHECK(!manifest_from_json("[1,2]"));
  CHECK(!manifest_from_json(std::string(100'000, '[')));
  auto manifest = manifest_from_json(
      R"({"target":5,"host":{"name":3},"artifacts":[1,{"path":"a","status":"ok"}],"options":{"a":1,"b":"c"}})");
  REQUIRE(manifest);
  CHECK(manifest->rows.size() == 1);
  CHECK(manifest->run.options.size() == 1);
  CHECK(ns_of_rfc3339("2026-11-20T21:46:38Z") == 1'795'211'198'000'000'000);
  CHECK(ns_of_rfc3339("2026-11-20T21:46:38.123Z") == 1'795'211'198'123'000'000);
  CHECK(ns_of_rfc3339("2026-11-20 21:46:38Z") == 0);
  CHECK(ns_of_rfc3339("xxxx-xx-xxTxx:xx:xxZ") == 0);
}

TEST_CASE("frames are found without unpacking") {
  CHECK(frame_ends("").empty());
  CHECK(frame_ends("hello, no frames in here").empty());
  TemporaryFolder folder;
  for (ArchiveFormat format : {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz}) {
    std::vector<size_t> ends;
    std::string bytes = contents(made(folder, format, &ends));
    auto found = frame_ends(bytes);
    CHECK(found.size() == 15);  // folder, ten artifacts, two journals, manifest, end
    CHECK(found.back() == bytes.size());
    CHECK(std::find(found.begin(), found.end(), ends[0]) != found.end());
  }
}

TEST_CASE("names from outside") {
  for (const char* good : {"a", "a/b.c", "raw/proc/42/maps", "a..b/..c", "profiles/[::1]:6060/heap"})
    CHECK(is_safe_name(good));
  for (std::string bad : {"", "/a", "a/", "../a", "a/../b", "a//b", "./a", "a\nb", "a\x7f"}) CHECK(!is_safe_name(bad));
  CHECK(!is_safe_name(std::string(2000, 'a')));
}
