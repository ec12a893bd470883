// Text of the package database and of the bundles that are parsed beside it, chosen by the first byte.
#include <cstdint>
#include <string>

#include "collector/collectors/dpkg.h"
#include "collector/collectors/executable.h"
#include "collector/collectors/forensics.h"
#include "tests/support/raw_stores.h"

using namespace ec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Snapshot snapshot;
  snapshot.target.pid = 42;
  RawStore store;
  switch (data[0] % 6) {
    case 0: {
      auto name = parse_dpkg_list_name(text.substr(0, text.find('\n')));
      if (name) (void)parse_dpkg_stanza("status", dpkg_stanza(text, *name));
      (void)parse_dpkg_stanza("status", text);
      (void)dpkg_list_has(text, dpkg_path_forms(text.substr(0, text.find('\n'))));
      break;
    }
    case 1:
      (void)parse_library_line(text);
      (void)path_in_root(text, text.substr(0, text.size() / 2));
      break;
    case 2:
      (void)mapping_facts(text, "maps", "Go");
      break;
    case 3:
      (void)environment_facts(text, "environ");
      (void)preload_file_facts(text, "preload");
      break;
    case 4:
      test::put(store, std::string(kExecutableBundle), text);
      parse_executable(store, snapshot);
      break;
    default:
      test::put(store, std::string(kForensicsBundle), text);
      test::put(store, "raw/proc/42/maps", text);
      test::put(store, "raw/proc/42/status", text);
      test::put(store, "raw/processes.bundle", text);
      parse_forensics(store, snapshot);
      break;
  }
  return 0;
}
