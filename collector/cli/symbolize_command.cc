#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <iterator>

#include "collector/base/text.h"
#include "collector/cli/commands.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/print.h"
#include "collector/collectors/debuginfod.h"
#include "symbolize/elf_file.h"
#include "symbolize/symbolizer.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kPrintAtOnce = 64 * 1024, kLongestLine = 1024;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }  // npos + 1 == 0

// As binutils' addr2line.c: "??:0" when nothing is known, "??:?" when only the function is.
void addr2line_text(std::string& out, const SymbolizeRequest& request, uint64_t address,
                    std::vector<SourceFrame> frames) {
  if (request.show_address) fmt::format_to(Out(out), "{:#018x}{}", address, request.one_line ? ": " : "\n");
  bool unknown = frames.empty();
  if (unknown) frames.emplace_back();
  const char* between = request.one_line ? " at " : "\n";
  size_t count = request.inlines ? frames.size() : 1;
  for (size_t i = 0; i < count; ++i) {
    const SourceFrame& frame = frames[i];
    if (i > 0 && request.one_line) out += " (inlined by) ";
    if (request.functions) {
      out += frame.function.empty() ? "??" : frame.function;
      out += unknown && request.one_line ? " " : between;
    }
    std::string_view file = request.base_names ? base_name(frame.file) : std::string_view(frame.file);
    out += file.empty() ? "??" : file;
    if (frame.line > 0)
      fmt::format_to(Out(out), ":{}\n", frame.line);
    else
      out += unknown ? ":0\n" : ":?\n";
  }
}

void readable_text(std::string& out, uint64_t address, const SymbolName& symbol, const SourcePlace& place) {
  fmt::format_to(Out(out), "{:#x}", address);
  if (place.frames.empty() && symbol.name.empty()) {
    fmt::format_to(Out(out), "  unknown: {}\n", symbol.reason);
    return;
  }
  if (place.frames.empty())
    fmt::format_to(Out(out), "  {}+{:#x}  (no line: {})\n", symbol.name, symbol.offset, place.reason);
  for (const SourceFrame& frame : place.frames) {
    bool outermost = &frame == &place.frames.back();
    fmt::format_to(Out(out), "{}  {}", &frame == place.frames.data() ? "" : "    in",
                   frame.function.empty() ? "??" : frame.function);
    if (outermost && !symbol.name.empty()) fmt::format_to(Out(out), "+{:#x}", symbol.offset);
    if (!frame.file.empty()) fmt::format_to(Out(out), "  {}:{}", frame.file, frame.line);
    if (frame.column > 0) fmt::format_to(Out(out), ":{}", frame.column);
    out += frame.inlined ? "  (inlined)\n" : "\n";
  }
  if (!place.frames.empty() && !place.reason.empty()) fmt::format_to(Out(out), "    ({})\n", place.reason);
}

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

class Answers {
 public:
  Answers(const SymbolizeRequest& request, UniqueFd file, DebugPlaces places)
      : request_(request), symbolizer_(std::move(places), !request.addr2line || request.demangle) {
    ModuleFile module;
    module.path = request.executable;
    module.fd = file.get();
    module_ = symbolizer_.add_module(std::move(module));
  }

  // What is no number has no name, as with addr2line.
  void answer(std::string_view text) {
    text = trim(text);
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    uint64_t address = parse_number<uint64_t>(text, 16).value_or(0);
    SourcePlace place = symbolizer_.source(module_, address);
    if (request_.addr2line) {
      if (place.frames.empty() && request_.functions)
        if (SymbolName symbol = symbolizer_.name(module_, address); !symbol.name.empty())
          place.frames.push_back({std::move(symbol.name), {}});
      addr2line_text(out_, request_, address, std::move(place.frames));
    } else {
      readable_text(out_, address, symbolizer_.name(module_, address), place);
    }
    if (out_.size() > kPrintAtOnce) flush();
  }
  void flush() {
    print(out_);
    out_.clear();
  }

 private:
  const SymbolizeRequest& request_;
  Symbolizer symbolizer_;
  uint32_t module_ = 0;
  std::string out_;
};

// Answers what is complete before it waits for more, so that a program can ask line by line.
void answer_input(Answers& answers) {
  std::string pending, part(kPrintAtOnce, '\0');
  while (true) {
    ssize_t got = ::read(STDIN_FILENO, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    pending.append(part, 0, static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1)
      answers.answer(std::string_view(pending).substr(begin, std::min(end - begin, kLongestLine)));
    pending.erase(0, begin);
    if (pending.size() > kLongestLine) pending.resize(kLongestLine);
    answers.flush();
  }
  if (!trim(pending).empty()) answers.answer(pending);
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
  Answers answers(request, std::move(*file), places_with_fetched(request, *elf));
  for (const std::string& address : request.addresses) answers.answer(address);
  if (request.addresses.empty()) answer_input(answers);
  answers.flush();
  return kComplete;
}

}  // namespace ec
