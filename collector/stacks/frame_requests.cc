#include "collector/stacks/frame_requests.h"

#include <poll.h>

#include <algorithm>
#include <map>

#include "collector/base/text.h"

namespace ec {

namespace {

// From module `first` on, in one helper. The module to go on with.
Result<size_t> run_helper(const ModuleWork& work, size_t first, Deadline deadline) {
  auto helper = HelperProcess::start([&](FrameWriter& out) {
    for (size_t i = first; i < work.modules; ++i) {
      out.touch(std::to_string(i), true);
      work.ask(i, out);
    }
  });
  if (!helper) return tl::unexpected<Error>(helper.error());
  std::string bytes;
  while (true) {
    auto status = helper->poll_frame(bytes);
    if (status == HelperProcess::Status::kEnded) break;
    if (status == HelperProcess::Status::kFrame) {
      work.answer(bytes);
      continue;
    }
    if (deadline.passed()) return fail(ErrorCode::kTimeout, "names", "the time was used up");
    pollfd waiting{helper->fd(), POLLIN, 0};
    poll(&waiting, 1, deadline.remaining_ms());
  }
  auto ended = helper->exit_status(milliseconds(200));
  if (ended && *ended == 0) return work.modules;
  size_t reached = std::clamp(parse_number<size_t>(helper->last_touch()).value_or(0), first, work.modules - 1);
  work.failed(reached);
  return reached + 1;
}

}  // namespace

std::vector<FrameRequest> frame_requests(const StackDump& dump, const NamedStacks& named) {
  std::map<const Module*, FrameRequest> by_module;
  for (size_t i = 0; i < named.frames.size(); ++i) {
    Module* module = dump.modules->at(named.frames[i].pc - named.frames[i].back());
    if (!module) continue;
    FrameRequest& request = by_module[module];
    request.module = module;
    request.frames.push_back(static_cast<uint32_t>(i));
  }
  std::vector<FrameRequest> requests;
  requests.reserve(by_module.size());
  for (auto& [module, request] : by_module) requests.push_back(std::move(request));
  return requests;
}

ModuleFile module_file(const Module& module) {
  ModuleFile file;
  file.path = module.path;
  file.device_major = module.device_major;
  file.device_minor = module.device_minor;
  file.inode = module.inode;
  file.fd = module.image->fd();
  file.bytes = module.bytes;
  return file;
}

Result<void> run_modules(const ModuleWork& work, Deadline deadline) {
  for (size_t at = 0; at < work.modules;) {
    if (deadline.passed()) return fail(ErrorCode::kTimeout, "names", "the time was used up");
    auto next = run_helper(work, at, deadline);
    if (!next) return tl::unexpected<Error>(next.error());
    at = *next;
  }
  return {};
}

}  // namespace ec
