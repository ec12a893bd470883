#include "collector/proc/kallsyms.h"

#include <algorithm>

#include "collector/base/text.h"

namespace ec {

namespace {

constexpr uint64_t kLargestFunction = uint64_t{1} << 20;
constexpr size_t kLongestName = 200;

struct Nearest {
  uint64_t address = 0;
  std::string_view name, module;
};

}  // namespace

std::map<uint64_t, std::string> kernel_functions(std::string_view text, const std::vector<uint64_t>& addresses) {
  std::vector<uint64_t> wanted = addresses;
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  // The first address at or behind each symbol takes it when it is nearer than what it has.
  std::vector<Nearest> nearest(wanted.size());
  LineCursor lines("/proc/kallsyms", text);
  while (auto line = lines.next()) {
    FieldCursor fields(*line);
    auto address = fields.number<uint64_t>(16);
    auto type = fields.word(), name = fields.word();
    if (!address || *address == 0 || !type || !name || type->size() != 1) continue;
    if (char kind = (*type)[0]; kind != 't' && kind != 'T' && kind != 'w' && kind != 'W') continue;
    auto place = std::lower_bound(wanted.begin(), wanted.end(), *address);
    if (place == wanted.end()) continue;
    Nearest& best = nearest[static_cast<size_t>(place - wanted.begin())];
    if (*address > best.address) best = {*address, *name, fields.word().value_or("")};
  }
  std::map<uint64_t, std::string> names;
  Nearest best;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (nearest[i].address > best.address) best = nearest[i];
    if (best.address == 0 || wanted[i] - best.address > kLargestFunction) continue;
    std::string name = best.module.empty() ? std::string(best.name) : fmt::format("{} {}", best.module, best.name);
    names.emplace(wanted[i], printable_line(name, kLongestName));
  }
  return names;
}

}  // namespace ec
