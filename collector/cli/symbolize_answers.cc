#include "collector/cli/symbolize_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <span>
#include <thread>

#include "collector/cli/print.h"

namespace ec {

namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr size_t kPrintAtOnce = 64 * 1024;
constexpr size_t kBatch = 16 * 1024;         // addresses
constexpr size_t kMostKeptText = 24u << 20;  // of one thread and batch
constexpr size_t kWorthTwoThreads = 2000;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }  // npos + 1 == 0

std::string_view or_unknown(std::string_view text) { return text.empty() ? "??" : text; }

// As binutils' addr2line.c: "??:0" when nothing is known, "??:?" when only the function is.
void addr2line_text(std::string& out, const SymbolizeRequest& request, uint64_t address,
                    std::span<const SourceFrameView> frames) {
  if (request.show_address) fmt::format_to(Out(out), "{:#018x}{}", address, request.one_line ? ": " : "\n");
  bool unknown = frames.empty();
  static constexpr SourceFrameView kUnknown;
  if (unknown) frames = {&kUnknown, 1};
  const char* between = request.one_line ? " at " : "\n";
  size_t count = request.inlines ? frames.size() : 1;
  for (size_t i = 0; i < count; ++i) {
    const SourceFrameView& frame = frames[i];
    if (i > 0 && request.one_line) out += " (inlined by) ";
    if (request.functions) {
      out += or_unknown(frame.function);
      out += unknown && request.one_line ? " " : between;
    }
    std::string_view file = request.base_names ? base_name(frame.file) : frame.file;
    out += or_unknown(file);
    if (frame.line > 0)
      out.append(1, ':').append(fmt::format_int(frame.line).c_str()).append(1, '\n');
    else
      out += unknown ? ":0\n" : ":?\n";
  }
}

void readable_text(std::string& out, uint64_t address, const SymbolName& symbol, const SourcePlaceView& place) {
  fmt::format_to(Out(out), "{:#x}", address);
  if (place.frames.empty() && symbol.name.empty()) {
    fmt::format_to(Out(out), "  unknown: {}\n", symbol.reason);
    return;
  }
  if (place.frames.empty())
    fmt::format_to(Out(out), "  {}+{:#x}  (no line: {})\n", symbol.name, symbol.offset, place.reason);
  for (const SourceFrameView& frame : place.frames) {
    bool outermost = &frame == &place.frames.back();
    fmt::format_to(Out(out), "{}  {}", &frame == place.frames.data() ? "" : "    in", or_unknown(frame.function));
    if (outermost && !symbol.name.empty()) fmt::format_to(Out(out), "+{:#x}", symbol.offset);
    if (!frame.file.empty()) fmt::format_to(Out(out), "  {}:{}", frame.file, frame.line);
    if (frame.column > 0) fmt::format_to(Out(out), ":{}", frame.column);
    out += frame.inlined ? "  (inlined)\n" : "\n";
  }
  if (!place.frames.empty() && !place.reason.empty()) fmt::format_to(Out(out), "    ({})\n", place.reason);
}

}  // namespace

SymbolizeAnswers::SymbolizeAnswers(const SymbolizeRequest& request, UniqueFd file, DebugPlaces places)
    : request_(request), file_(std::move(file)), places_(std::move(places)) {
  workers_.emplace_back(request_, file_.get(), places_);
}

SymbolizeAnswers::Worker::Worker(const SymbolizeRequest& request, int file, DebugPlaces places)
    : request_(&request), symbolizer_(std::move(places), !request.addr2line || request.demangle) {
  ModuleFile module;
  module.path = request.executable;
  module.fd = file;
  module_ = symbolizer_.add_module(std::move(module));
}

void SymbolizeAnswers::Worker::write(uint64_t address, std::string& out) {
  SourcePlaceView place = symbolizer_.look(module_, address);
  if (!request_->addr2line) {
    readable_text(out, address, symbolizer_.name(module_, address), place);
    return;
  }
  SourceFrameView named;
  std::span<const SourceFrameView> frames = place.frames;
  SymbolName symbol;
  if (frames.empty() && request_->functions) {
    symbol = symbolizer_.name(module_, address);
    named.function = symbol.name;
    if (!symbol.name.empty()) frames = {&named, 1};
  }
  addr2line_text(out, *request_, address, frames);
}

void SymbolizeAnswers::Worker::prepare(std::span<const uint64_t> addresses, std::span<const uint32_t> order,
                                       std::span<Place> places) {
  text_.clear();
  for (size_t i = 0; i < order.size() && text_.size() < kMostKeptText; ++i) {
    Place& place = places[order[i]];
    if (i > 0 && addresses[order[i]] == addresses[order[i - 1]]) {
      place = places[order[i - 1]];
      continue;
    }
    place.worker = this;
    place.begin = text_.size();
    write(addresses[order[i]], text_);
    place.end = text_.size();
  }
}

void SymbolizeAnswers::answer(std::span<const uint64_t> addresses) {
  for (size_t at = 0; at < addresses.size(); at += kBatch)
    answer_batch(addresses.subspan(at, std::min(kBatch, addresses.size() - at)));
  flush();
}

// In the order of the addresses, which is that of the units, and printed in the order of the questions.
void SymbolizeAnswers::answer_batch(std::span<const uint64_t> addresses) {
  std::vector<uint32_t> order(addresses.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return addresses[a] < addresses[b]; });
  std::vector<Place> places(addresses.size());
  std::span<const uint32_t> first(order), second;
  if (workers_.size() == 1 && addresses.size() >= kWorthTwoThreads && std::thread::hardware_concurrency() > 1) {
    workers_.emplace_back(request_, file_.get(), places_);
    // Each has its units for good.
    boundary_ = addresses[order[order.size() / 2]];
  }
  if (workers_.size() > 1) {
    auto middle = std::lower_bound(order.begin(), order.end(), boundary_,
                                   [&](uint32_t index, uint64_t limit) { return addresses[index] < limit; });
    auto count = static_cast<size_t>(middle - order.begin());
    second = first.subspan(count);
    first = first.first(count);
  }
  std::thread other;
  if (!second.empty()) other = std::thread([&] { workers_.back().prepare(addresses, second, places); });
  workers_.front().prepare(addresses, first, places);
  if (other.joinable()) other.join();
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    if (place.worker)
      out_.append(place.worker->text(), place.begin, place.end - place.begin);
    else  // too much text to keep
      workers_.front().write(addresses[i], out_);
    if (out_.size() > kPrintAtOnce) flush();
  }
}

void SymbolizeAnswers::flush() {
  print(out_);
  out_.clear();
}

}  // namespace ec
