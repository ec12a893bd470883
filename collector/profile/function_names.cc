#include "collector/profile/function_names.h"

#include <unordered_map>

namespace ec {

namespace {

bool looks_like_cpp(std::string_view name) {
  if (name.find(".<") != std::string_view::npos) return false;   // Java: Class.<init>
  if (name.find("]).") != std::string_view::npos) return false;  // Go: pkg.(*T[...]).Method
  return name.find_first_of("<>[]") != std::string_view::npos || name.find("::") != std::string_view::npos;
}

// Without what stands between `open` and `close`, nested or not. From a close without an open on, all stays.
std::string without_nested(std::string_view name, char open, char close) {
  std::string left;
  size_t nested = 0, first = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == close && nested == 0) return left + std::string(name.substr(i));
    left += name[i];
    if (name[i] == open && nested++ == 0) first = left.size() - 1;
    if (name[i] == close && --nested == 0) left.resize(first);
  }
  return left;
}

}  // namespace

std::string without_parameters(std::string_view name) {
  if (!looks_like_cpp(name)) return std::string(name);
  return without_nested(without_nested(name, '(', ')'), '<', '>');
}

void simplify_names(OwnedPprof& owned, const Demangle& demangle) {
  Pprof& profile = owned.profile;
  std::unordered_map<uint32_t, uint32_t> known;  // string → string
  for (PprofFunction& function : profile.functions) {
    std::string_view name = profile.strings[function.name], system_name = profile.strings[function.system_name];
    if (!name.empty() && name != system_name) continue;  // somebody did it before
    auto [place, fresh] = known.emplace(function.system_name, function.system_name);
    if (fresh) {
      std::string plain = demangle(system_name);
      if (plain == system_name) plain = without_parameters(plain);  // it may be demangled already
      if (plain != system_name) {
        auto simple = std::make_shared<std::string>(std::move(plain));
        place->second = static_cast<uint32_t>(profile.strings.size());
        profile.strings.push_back(*simple);
        owned.text.push_back(std::move(simple));
      }
    }
    function.name = place->second;
  }
}

}  // namespace ec
