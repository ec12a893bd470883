// Hostile archives: first byte says how the rest gets in.
#include <string>

#include "collector/archive/frames.h"
#include "collector/archive/manifest.h"
#include "collector/archive/members.h"
#include "collector/archive/output_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      (void)ec::members_of_archive(bytes);
      break;
    case 1:
      (void)ec::manifest_from_json(bytes);
      (void)ec::rows_of_journal(bytes);
      (void)ec::ns_of_rfc3339(bytes);
      break;
    case 2:
      (void)ec::filesystem_from(bytes, 8, 1, "/var/x");
      break;
    default: {
      // A good archive with these bytes written over its middle.
      static const std::string kGood = [] {
        std::string good;
        auto codec = ec::tar_codec(ec::ArchiveFormat::kTarZst);
        for (const char* name : {"incident/raw/a", "incident/raw/b", "incident/raw/c"})
          good += *codec->frame({name, "some bytes of an artifact", R"({"path":"raw/a","status":"ok"})", 0});
        return good + *codec->end(good.size());
      }();
      std::string damaged = kGood;
      size_t at = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]) * damaged.size() / 256;
      damaged.replace(at, std::min(bytes.size(), damaged.size() - at), bytes.substr(0, damaged.size() - at));
      (void)ec::members_of_archive(damaged);
      (void)ec::zip_rows(bytes);
    }
  }
  return 0;
}
