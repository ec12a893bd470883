#include "collector/cli/options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <sstream>

#include "collector/base/text.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/options_subcommand.h"
#include "collector/cli/version.h"

namespace ec {

namespace {

constexpr const char* kFooter = R"(
Exit code: 0 complete, 3 partial (archive written, something missing), 1 nothing collected, 2 usage.

Examples:
  emergency-collect --pid 4242                       what is wrong with it, and an archive to attach
  emergency-collect --unit nginx -o /var/tmp         by systemd unit, archive elsewhere
  emergency-collect --port 5432 --profile-seconds 0  who listens there, nothing slow
  emergency-collect --pid 4242 -o - | ssh jump 'cat > incident.tar.zst'    no byte on this disk
  emergency-collect checklist --pid 4242             one screen, no archive
  emergency-collect stacks 4242                      what each thread is doing, no archive
  emergency-collect --core /var/tmp/core.4242        what a dead process was doing, and why it died
)";

// In the order of --help.
constexpr AddSubcommand* kSubcommands[] = {collect_subcommand, show_subcommand,      verify_subcommand,
                                           diff_subcommand,    checklist_subcommand, stacks_subcommand,
                                           doctor_subcommand,  runbook_subcommand,   symbolize_subcommand,
                                           profile_subcommand, store_subcommand,     list_subcommand};

// "profile: no subcommand 'tpo'; there are top, tree and flame"; "" when that is not what is wrong.
std::string unknown_subcommand(CLI::App& app, std::span<const char* const> argv) {
  for (CLI::App* parent : app.get_subcommands()) {
    std::vector<std::string> names;
    for (const CLI::App* child : parent->get_subcommands([](CLI::App*) { return true; }))
      names.push_back(child->get_name());
    if (names.empty() || !parent->get_subcommands().empty()) continue;
    std::string_view word;
    for (size_t i = 1; i + 1 < argv.size() && word.empty(); ++i)
      if (argv[i] == parent->get_name() && argv[i + 1][0] != '-') word = argv[i + 1];
    return fmt::format(
        "{}: {}there are {}", parent->get_name(),
        word.empty() ? "a subcommand is missing; " : fmt::format("no subcommand '{}'; ", printable_line(word, 60)),
        fmt::join(names, ", "));
  }
  return {};
}

}  // namespace

Leave usage(const std::string& problem) {
  return Leave{kUsage, "", fmt::format("emergency-collect: {}; see --help\n", problem)};
}

Request parse_command_line(int argc, const char* const* argv) {
  CLI::App app{"Snapshots a process in trouble and its host: a first page worth reading, an archive worth attaching.",
               "emergency-collect"};
  app.set_version_flag("-V,--version", fmt::format("emergency-collect {}", kVersion));
  app.set_help_flag("-h,--help", "This text");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);

  auto unnamed = unnamed_collect(app);
  std::vector<std::unique_ptr<Subcommand>> subcommands;
  for (auto add : kSubcommands) subcommands.push_back(add(app));

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& leave) {  // --help, --version
    std::ostringstream out, err;
    app.exit(leave, out, err);
    return Leave{0, out.str(), ""};
  } catch (const CLI::ExtrasError& error) {
    // It would print what stands behind "--header Authorization: Bearer", without quotes.
    bool secret = std::any_of(argv, argv + argc, [](std::string_view word) { return word.starts_with("--header"); });
    return usage(secret ? "unexpected arguments; --header takes one: quote 'NAME: VALUE'" : error.what());
  } catch (const CLI::ParseError& error) {
    std::string problem = error.what();
    std::replace(problem.begin(), problem.end(), '\n', ' ');
    std::string unknown = unknown_subcommand(app, {argv, static_cast<size_t>(argc)});
    return usage(unknown.empty() ? problem : unknown);
  }

  for (auto& subcommand : subcommands)
    if (subcommand->parsed()) return subcommand->request();
  return unnamed->request();
}

}  // namespace ec
