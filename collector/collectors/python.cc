#include "collector/collectors/python.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "collector/base/text.h"
#include "collector/collectors/json_members.h"
#include "collector/collectors/python_merge.h"
#include "collector/collectors/target_source.h"
#include "collector/runtimes/python_site.h"

namespace ec {

namespace {

using nlohmann::json;

constexpr std::string_view kPath = "raw/python.json";

// From ids of the target's own PID namespace to ours.
class ThreadIds {
 public:
  explicit ThreadIds(const std::vector<Thread>* threads) {
    if (!threads) return;
    known_ = true;
    for (const Thread& thread : *threads)
      tids_.emplace(static_cast<uint64_t>(thread.ns_tid > 0 ? thread.ns_tid : thread.tid), thread.tid);
  }
  // A forked interpreter may still note the id of the thread that forked it: the C library knows better.
  int tid(uint64_t native_id, uint64_t pthread_tid) const {
    for (uint64_t id : {native_id, pthread_tid}) {
      if (id == 0 || id > INT32_MAX) continue;
      if (!known_) return static_cast<int>(id);
      if (auto found = tids_.find(id); found != tids_.end()) return found->second;
    }
    return 0;
  }

 private:
  bool known_ = false;
  std::unordered_map<uint64_t, int> tids_;
};

Frame frame_of(const json& code, int line) {
  Frame frame;
  frame.symbol = text_of(code, "qualname");
  if (frame.symbol.empty()) frame.symbol = text_of(code, "name");
  frame.file = text_of(code, "file");
  frame.line = line;
  frame.found_by = "python";
  return frame;
}

// Interns frames: one for each function and line.
class Frames {
 public:
  Frames(const json& codes, std::vector<Frame>& frames) : codes_(codes), frames_(frames) {}
  std::optional<uint32_t> index(const json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned())
      return std::nullopt;
    auto code = pair[0].get<uint64_t>(), line = std::min<uint64_t>(pair[1].get<uint64_t>(), INT32_MAX);
    if (code >= codes_.size() || !codes_[code].is_object()) return std::nullopt;
    auto [known, fresh] = known_.try_emplace({code, line}, static_cast<uint32_t>(frames_.size()));
    if (fresh) frames_.push_back(frame_of(codes_[code], static_cast<int>(line)));
    return known->second;
  }

 private:
  const json& codes_;
  std::vector<Frame>& frames_;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> known_;
};

Result<PythonThread> thread_of(std::string_view where, const json& object, const ThreadIds& ids, Frames& frames) {
  PythonThread thread;
  thread.tid = ids.tid(whole_of(object, "native_id"), whole_of(object, "pthread_tid"));
  thread.whole = flag_of(object, "whole");
  thread.note = text_of(object, "note");
  for (const json& pair : list_of(object, "frames")) {
    auto index = frames.index(pair);
    if (!index) return fail(ErrorCode::kMalformed, std::string(where), "expected pairs of code and line in \"frames\"");
    thread.frames.push_back(*index);
  }
  for (const json& count : list_of(object, "evaluators")) {
    if (!count.is_number_unsigned() || count.get<uint64_t>() > thread.frames.size())
      return fail(ErrorCode::kMalformed, std::string(where), "expected numbers of frames in \"evaluators\"");
    thread.evaluators.push_back(count.get<uint32_t>());
  }
  return thread;
}

}  // namespace

std::string python_json(const PythonSite& site, const PythonRead& read) {
  json root{{"version", site.version}, {"module", site.module}, {"runtime", fmt::format("{:#x}", site.runtime)}};
  if (!read.cut.empty()) root["cut"] = read.cut;
  json& gils = root["gils"] = json::array();
  for (const PythonGil& gil : read.gils) {
    json& object = gils.emplace_back(json::object());
    object = {{"address", fmt::format("{:#x}", gil.address)}, {"size", kPythonGilSize}, {"held", gil.held}};
    if (gil.holder >= 0) object["holder"] = static_cast<uint64_t>(gil.holder);
  }
  json& codes = root["codes"] = json::array();
  for (const PythonCode& code : read.codes) {
    json& object = codes.emplace_back(json{{"file", code.file}, {"name", code.name}});
    if (!code.qualified_name.empty()) object["qualname"] = code.qualified_name;
  }
  json& threads = root["threads"] = json::array();
  for (const PythonThreadRead& thread : read.threads) {
    json& object = threads.emplace_back(json::object());
    if (thread.native_id != 0) object["native_id"] = thread.native_id;
    if (thread.pthread_tid != 0) object["pthread_tid"] = thread.pthread_tid;
    object["whole"] = thread.whole;
    if (!thread.note.empty()) object["note"] = thread.note;
    json& frames = object["frames"] = json::array();
    for (const PythonFrameRead& frame : thread.frames)
      frames.push_back({frame.code, static_cast<uint32_t>(frame.line)});
    object["evaluators"] = thread.evaluators;
  }
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<PythonRuntime> parse_python_json(std::string_view where, std::string_view text,
                                        const std::vector<Thread>* threads) {
  json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return fail(ErrorCode::kMalformed, std::string(where), "expected a JSON object");
  PythonRuntime python;
  python.version = text_of(root, "version");
  python.module = text_of(root, "module");
  python.cut = text_of(root, "cut");
  ThreadIds ids(threads);
  Frames frames(list_of(root, "codes"), python.frames);
  for (const json& object : list_of(root, "threads")) {
    auto thread = thread_of(where, object.is_object() ? object : json::object(), ids, frames);
    if (!thread) return tl::unexpected(thread.error());
    python.threads.push_back(std::move(*thread));
  }
  for (const json& object : list_of(root, "gils")) {
    if (!object.is_object()) continue;
    PythonLock lock{hex_of(object, "address"), whole_of(object, "size"), flag_of(object, "held"), 0};
    if (object.contains("holder") && whole_of(object, "holder") < python.threads.size())
      lock.holder = python.threads[whole_of(object, "holder")].tid;
    python.locks.push_back(lock);
  }
  return python;
}

void gather_python(GatherContext& context) {
  // Without user stacks there is nothing to put the frames into, and nobody wants memory to be read.
  if (context.options.stacks == StackMode::kNone || context.options.stacks == StackMode::kKernel) return;
  const std::string source = "memory of the Python interpreter, " + source_of(context);
  context.out.touch("maps", true);
  auto modules = modules_of(context);
  if (!modules) return;  // the stacks collector says so
  auto memory = memory_of(context);
  auto site = find_python(**modules, executable_of(context), *memory);
  if (!site) return context.out.failed(kPath, source, site.error());
  if (!*site) return;
  context.out.touch("memory");
  auto read = read_python(*memory, **site, context.deadline.after_share(0.8));
  if (!read) return context.out.failed(kPath, source, read.error(), fix_for(read.error(), source));
  std::string text = python_json(**site, *read);
  if (read->cut.empty()) return context.out.artifact(kPath, source, text);
  context.out.partial(kPath, source, text, fmt::format("threads are missing: {}", read->cut));
}

void parse_python(const RawStore& store, Snapshot& snapshot) {
  auto text = store.read(kPath);
  if (!text) {
    snapshot.python = text.error();
    return;
  }
  snapshot.python = parse_python_json(kPath, *text, snapshot.threads ? &*snapshot.threads : nullptr);
  if (snapshot.python && snapshot.stacks) merge_python(*snapshot.python, *snapshot.stacks);
}

}  // namespace ec
