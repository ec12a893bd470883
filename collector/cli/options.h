// What was asked for on the command line, checked. CLI11 is private to options*.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collector/archive/store.h"
#include "collector/archive/writer.h"
#include "collector/base/error.h"
#include "collector/collectors/collector.h"
#include "collector/profile/profile_report.h"

namespace ec {

// Exactly one of them is set, or none where a target is optional.
struct TargetRequest {
  std::optional<int> pid;
  std::string name, unit;
  std::optional<uint16_t> port;
  bool empty() const { return !pid && name.empty() && unit.empty() && !port; }
};

// In the place of an archive: the newest good ones of the same program in the store.
inline constexpr std::string_view kLastGood = "last-good";

struct CollectRequest {
  TargetRequest target;
  std::string core, executable;  // instead of a target
  std::string output = ".";
  ArchiveFormat format = ArchiveFormat::kTarZst;
  RunOptions run;
  std::optional<int> deadline_seconds;  // default: 30 plus profile_seconds
  bool redact = true;
  std::vector<std::string> runbooks;
  std::vector<std::string> only, skip;  // collector names
  std::vector<std::string> debuginfod;  // URLs: asked for names when the archive is written
  std::vector<std::string> baseline;    // archives to compare with, or kLastGood
  bool keep = false;                    // the archive goes into the store
  std::string store;                    // its directory, "" = the default
  bool quiet = false;
  enum class Progress { kAuto, kPlain, kJson, kNone } progress = Progress::kAuto;
};
struct ShowRequest {
  std::string archive, artifact;
  bool list = false, reanalyse = false;
  std::vector<std::string> runbooks;
  std::vector<std::string> baseline;  // as of CollectRequest
  std::string store;
};
struct VerifyRequest {
  std::string archive;
};
struct DiffRequest {
  std::vector<std::string> archives;  // two or more: the first and the last are compared
};
struct ChecklistRequest {
  TargetRequest target;
  RunOptions run;
};
struct StacksRequest {
  TargetRequest target;
  RunOptions run;
  int deadline_seconds = 10;
};
struct DoctorRequest {
  TargetRequest target;
  std::string output = ".";
};
struct RunbookRequest {
  bool list = false;
  std::string id;
  std::vector<std::string> runbooks;
};
struct SymbolizeRequest {
  std::string executable;
  std::vector<std::string> addresses;  // hexadecimal; none: from standard input
  std::vector<std::string> debug_directories;
  std::vector<std::string> debuginfod;  // URLs
  int deadline_seconds = 300;           // for what comes from them
  bool addr2line = false;               // its output format, with its options:
  bool functions = false, inlines = false, demangle = false, show_address = false, base_names = false, one_line = false;
};
struct SymbolizeArchiveRequest {
  std::string archive;
  std::string output;  // a file, a directory or "-"; "" = beside the archive
  std::vector<std::string> debug_directories;
  std::vector<std::string> debuginfod;  // URLs
  int deadline_seconds = 300;
};
struct ProfileRequest {
  enum class View { kTop, kTree, kPeek, kDiff, kFolded, kFlame, kGoroutines, kMerge, kConvert } view = View::kTop;
  std::vector<std::string> sources;  // FILE or ARCHIVE[:profile]; more than one are added up
  std::vector<std::string> base;     // taken off them
  std::string wanted;                // peek: functions that match
  ProfileQuery query;                // without the demangler
  ReportOptions report;
  std::vector<std::string> debug_directories;  // for names that the profile does not have
  std::string output = "-";                    // flame, merge, convert
  bool json = false;
};
struct StoreRequest {
  enum class Action { kList, kPut, kGet, kRemove, kGarbage } action = Action::kList;
  std::string store;               // its directory, "" = the default
  std::vector<std::string> names;  // of archives in it; of files, for kPut
  std::string output = ".";        // kGet: a file, a directory or "-"
  Retention retention;
  bool json = false, dry_run = false;
};
struct ListRequest {};
// Help, version or a usage error: print and leave.
struct Leave {
  int exit_code;
  std::string out, err;
};

using Request = std::variant<CollectRequest, ShowRequest, VerifyRequest, DiffRequest, ChecklistRequest, StacksRequest,
                             DoctorRequest, RunbookRequest, SymbolizeRequest, SymbolizeArchiveRequest, ProfileRequest,
                             StoreRequest, ListRequest, Leave>;
Request parse_command_line(int argc, const char* const* argv);

// Overwrites header values and passwords of URLs in the arguments, which others can read in /proc. To be called when
// they are parsed.
void hide_credentials(int argc, char** argv);

}  // namespace ec
