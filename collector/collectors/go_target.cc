#include "collector/collectors/go_target.h"

#include <unistd.h>

#include "collector/collectors/target_source.h"
#include "collector/stacks/modules.h"

namespace ec {

namespace {

// The executable, when it is a Go program; null when it is not.
const Module* go_module(Modules& modules, const TargetIdentity& target) {
  for (const Region& region : modules.space().regions) {
    if (!region.executable || region.inode != target.executable.inode || region.inode == 0) continue;
    const Module* module = modules.at(region.begin);
    return module != nullptr && module->image && module->image->is_go() ? module : nullptr;
  }
  return nullptr;
}

}  // namespace

Result<std::optional<GoTarget>> open_go_target(GatherContext& context) {
  auto modules = modules_of(context);
  const Module* module = modules ? go_module(**modules, *context.target) : nullptr;
  if (module == nullptr) return std::nullopt;
  context.out.touch("goroutines");
  auto elf = ElfFile::open(ByteSource(module->path, UniqueFd(dup(module->image->fd()))));
  if (!elf) return tl::unexpected(elf.error());
  auto file = std::make_shared<const ElfFile>(std::move(*elf));
  auto memory = memory_of(context);
  auto program = find_go_program(file, module->bias, *memory);
  if (!program) return tl::unexpected(program.error());
  return GoTarget{std::move(file), std::move(memory), std::move(*program)};
}

}  // namespace ec
