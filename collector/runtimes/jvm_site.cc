#include "collector/runtimes/jvm_site.h"

#include "collector/runtimes/python_site.h"

namespace ec {

std::optional<JvmSite> find_jvm(Modules& modules) {
  std::optional<JvmSite> site;
  bool openj9 = false, launcher = false;
  for (const Region& region : modules.space().regions) {
    if (!region.executable) continue;
    std::string_view name = modules.space().name(region);
    if (name.ends_with(" (deleted)")) name.remove_suffix(10);
    std::string_view file = name.substr(name.rfind('/') + 1);  // npos + 1 == 0
    openj9 |= file.starts_with("libj9vm");
    launcher |= file == "libjli.so";
    if (file != "libjvm.so" || site) continue;
    site.emplace().libjvm = name;
    // For the agents that read HotSpot's memory: vmStructs.cpp.
    if (Module* module = modules.at(region.begin); module && module->image)
      site->hotspot = symbol_addresses(*module->image, {"gHotSpotVMStructs"}).front() != 0;
  }
  if (!site) return site;
  site->openj9 = openj9;
  site->launcher = launcher;
  return site;
}

}  // namespace ec
