// /etc/passwd and /etc/group, passwd(5), group(5), and /proc/PID/uid_map, user_namespaces(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ec {

// The first line of either file whose third field is `id`, with its newline; "" when there is none.
std::string_view account_line(std::string_view text, uint32_t id);
// The name in that line; "" when there is none.
std::string account_name(std::string_view text, uint32_t id);

// What `outside_id` (as the reader of uid_map or gid_map counts) is called inside the namespace; nothing when it is not
// mapped. An empty map maps nothing.
std::optional<uint32_t> id_inside(std::string_view id_map, uint32_t outside_id);

}  // namespace ec
