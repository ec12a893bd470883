#pragma once

#include <string>
#include <string_view>

#include "collector/base/error.h"
#include "collector/collectors/http_connection.h"

namespace ec {

struct EndpointUrl {
  HttpAddress address;
  std::string path;  // "" or "/prefix", without query; percent escapes as written

  std::string text() const;  // "http://127.0.0.1:6060/prefix", "unix:/run/app.sock:/prefix": without credentials
};

// http://[user[:password]@]host[:port][/prefix], https://…, unix:/path/to.sock[:/prefix], unix:@abstract[:/prefix].
// Errors: usage, with what was expected; the text of the URL, which may hold a password, is not in them.
Result<EndpointUrl> parse_endpoint_url(std::string_view text);

// "url" + path, for sources and messages: "http://127.0.0.1:6060/debug/vars", "unix:/run/app.sock:/debug/vars".
std::string url_of(const HttpAddress& address, std::string_view path);

// A name for a folder of the archive: "127.0.0.1_6060", "__1_6060", "unix_run_app.sock".
std::string folder_name(const HttpAddress& address);

std::string base64(std::string_view bytes);

}  // namespace ec
