// /proc/kallsyms: the symbols of the kernel and of its modules, proc(5).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// Function names of these addresses: "ksys_read", "[nf_tables] nft_do_chain" in a module. Text of hundreds of thousands
// of lines, in no order: only what is asked for is kept. Lines of another form are skipped, and so are the zeros that
// kernel.kptr_restrict shows instead of addresses. What is farther than 1 MiB behind every symbol has no name.
std::map<uint64_t, std::string> kernel_functions(std::string_view text, const std::vector<uint64_t>& addresses);

}  // namespace ec
