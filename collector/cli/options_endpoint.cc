#include "collector/cli/options_endpoint.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "collector/base/text.h"
#include "collector/collectors/endpoint_kinds.h"
#include "collector/collectors/endpoint_url.h"

namespace ec {

namespace {

constexpr size_t kLongestToken = 64 * 1024;

bool is_token_character(char c) {  // RFC 9110, 5.6.2
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

bool is_field_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); });
}

bool same_name(std::string_view name, std::string_view other) {
  return name.size() == other.size() && strncasecmp(name.data(), other.data(), name.size()) == 0;
}

// They would change what the request is, or how its answer must be read.
bool is_ours(std::string_view name) {
  for (std::string_view own : {"Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Upgrade", "TE",
                               "Trailer", "Expect", "Range"})
    if (same_name(name, own)) return true;
  return false;
}

std::string header_of(const std::string& text, std::vector<HttpHeader>& headers) {
  size_t colon = text.find(':');
  std::string name(trim(text.substr(0, colon)));
  if (colon == std::string::npos || name.empty() || !std::all_of(name.begin(), name.end(), is_token_character))
    return "--header: expected 'NAME: VALUE' as one argument";
  std::string value(trim(text.substr(colon + 1)));
  if (!is_field_value(value)) return fmt::format("--header {}: expected a value without control characters", name);
  if (is_ours(name)) return fmt::format("--header {}: not to be set", name);
  headers.push_back({std::move(name), std::move(value)});
  return {};
}

}  // namespace

EndpointOptions::EndpointOptions(CLI::App& group, RunOptions& run) : run_(run) {
  group
      .add_option("--endpoint", run.endpoints,
                  "Debug endpoint: auto (default), none, or a URL (http, https, unix:/path.sock[:/prefix]); repeatable")
      ->type_name("WHERE")
      ->allow_extra_args(false);
  group.add_option("--ca", run.access.ca_file, "Trust this authority (PEM) for https endpoints, and no other")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  group.add_flag_callback(
      "--insecure-skip-verify", [&run] { run.access.verify_certificates = false; },
      "Do not check who answers for an https endpoint; recorded in the manifest");
  group
      .add_option("--header", headers_,
                  "'NAME: VALUE' for endpoints given by URL; repeatable; the value is not stored anywhere")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  auto* file = group
                   .add_option("--bearer-file", bearer_file_,
                               "Send the token in this file as 'Authorization: Bearer' to endpoints given by URL")
                   ->type_name("FILE");
  group.add_option("--bearer-env", bearer_environment_, "The same with the token in this environment variable")
      ->type_name("NAME")
      ->excludes(file);
}

void add_pull(CLI::App& group, RunOptions& run) {
  group
      .add_option("--pull", run.pull,
                  "What costs the target more: trace (Go, up to 5 s), deltas (Go profiles of the --profile-seconds), "
                  "goroutineleak (newer Go; collects garbage), goroutine-full (stops the program), native-cpu "
                  "(gperftools, brpc: can end the program); repeatable")
      ->type_name("WHAT")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(pull_words()));
}

std::string EndpointOptions::resolve() {
  for (const std::string& where : run_.endpoints)
    if (where != "auto" && where != "none")
      if (auto url = parse_endpoint_url(where); !url)  // '@': it may hold a password
        return where.find('@') == std::string::npos ? fmt::format("--endpoint {}: {}", where, url.error().detail)
                                                    : url.error().message();
  for (const std::string& header : headers_)
    if (std::string problem = header_of(header, run_.access.headers); !problem.empty()) return problem;
  std::string token;
  if (!bearer_file_.empty()) {
    auto text = read_file(bearer_file_, kLongestToken);
    if (!text) return "--bearer-file " + text.error().message();
    token = trim(*text);
    run_.access.bearer_from = "file " + bearer_file_;
  } else if (!bearer_environment_.empty()) {
    const char* value = std::getenv(bearer_environment_.c_str());
    if (!value) return fmt::format("--bearer-env: there is no variable {}", bearer_environment_);
    token = trim(value);
    run_.access.bearer_from = "environment " + bearer_environment_;
  } else {
    return {};
  }
  if (token.empty() || !is_field_value(token)) return "the bearer token: expected one line of text";
  run_.access.headers.push_back({"Authorization", "Bearer " + token});
  return {};
}

void hide_credentials(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view before = argv[i - 1], argument = argv[i];
    size_t begin = argument.size(), end = argument.size();
    if (before == "--header" || argument.starts_with("--header=")) {
      size_t colon = argument.find(':');
      begin = colon == std::string_view::npos ? (before == "--header" ? 0 : 9) : colon + 1;
    } else if (size_t scheme = argument.find("://"); scheme != std::string_view::npos) {
      begin = scheme + 3;
      size_t at = argument.substr(0, argument.find('/', begin)).rfind('@');
      end = at == std::string_view::npos ? begin : std::max(at, begin);
    }
    std::fill(argv[i] + begin, argv[i] + end, '*');
  }
}

}  // namespace ec
