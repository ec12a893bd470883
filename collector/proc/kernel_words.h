// Short texts of the kernel and the distribution: os-release, the taint mask, the list of modules.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/base/error.h"

namespace ec {

// /etc/os-release: NAME → value without quotes. os-release(5). Lines of another form are skipped.
std::map<std::string, std::string> parse_os_release(std::string_view text);

// /proc/sys/kernel/tainted in words: "O: out-of-tree module loaded". Documentation/admin-guide/tainted-kernels.rst
Result<std::vector<std::string>> parse_taint(std::string_view where, std::string_view text);

// /proc/modules: "nf_tables 278528 4 nft_chain_nat,nft_limit, Live 0x0 (OE)" → "nf_tables (272 KiB, used by 4, OE)",
// in the order of the file: latest first. Errors: malformed.
Result<std::vector<std::string>> parse_modules(std::string_view where, std::string_view text);

}  // namespace ec
