#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "collector/base/text.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/print.h"
#include "collector/cli/symbolize_answers.h"
#include "collector/collectors/debuginfod.h"

namespace ec {

namespace {

constexpr size_t kReadAtOnce = 64 * 1024, kLongestLine = 1024, kMostPending = 512 * 1024;

// A problem with a server is told, and what is here is used.
DebugPlaces places_with_fetched(const SymbolizeRequest& request, const ElfFile& elf) {
  DebugPlaces places{-1, request.debug_directories};
  places.split_files = true;
  if (request.debuginfod.empty()) return places;
  std::string build_id = elf.build_id();
  if (has_part(elf, ElfPart::kLines)) places.known.emplace(build_id, request.executable);
  Deadline deadline = Deadline::in(std::chrono::seconds(request.deadline_seconds));
  for (const auto& [id, why] :
       fetch_missing({{build_id, request.executable}}, {request.debuginfod, debuginfod_cache(), deadline}, places))
    complain(why);
  return places;
}

// What is no number has no name, as with addr2line.
uint64_t address_of(std::string_view text) {
  text = trim(text);
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  return parse_number<uint64_t>(text, 16).value_or(0);
}

bool more_is_there() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

// Answers what is complete before it waits for more, so that a program can ask line by line; what is there already is
// answered together.
void answer_input(SymbolizeAnswers& answers) {
  std::string pending, part(kReadAtOnce, '\0');
  auto answer_lines = [&](std::string_view lines) {
    std::vector<uint64_t> addresses;
    for (size_t end; (end = lines.find('\n')) != std::string::npos; lines.remove_prefix(end + 1))
      addresses.push_back(address_of(lines.substr(0, std::min(end, kLongestLine))));
    answers.answer(addresses);
    return lines.size();
  };
  while (true) {
    ssize_t got = ::read(STDIN_FILENO, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    pending.append(part, 0, static_cast<size_t>(got));
    if (pending.size() < kMostPending && more_is_there()) continue;
    size_t left = answer_lines(pending);
    pending.erase(0, pending.size() - left);
    if (pending.size() > kLongestLine) pending.resize(kLongestLine);
  }
  answer_lines(pending);
  size_t last = pending.rfind('\n') + 1;  // npos + 1 == 0
  if (trim(std::string_view(pending).substr(last)).empty()) return;
  uint64_t without_newline = address_of(pending.substr(last));
  answers.answer({&without_newline, 1});
}

}  // namespace

int run_command(const SymbolizeRequest& request) {
  auto file = open_regular(-1, request.executable);
  auto elf = file ? ElfFile::open(ByteSource(request.executable, UniqueFd(::dup(file->get()))))
                  : Result<ElfFile>(tl::unexpected<Error>(file.error()));
  if (!elf) {
    complain(elf.error());
    return kNothingCollected;
  }
  SymbolizeAnswers answers(request, std::move(*file), places_with_fetched(request, *elf));
  std::vector<uint64_t> addresses;
  for (const std::string& text : request.addresses) addresses.push_back(address_of(text));
  answers.answer(addresses);
  if (request.addresses.empty()) answer_input(answers);
  return kComplete;
}

}  // namespace ec
