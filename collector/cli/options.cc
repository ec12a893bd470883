#include "collector/cli/options.h"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

#include "collector/base/text.h"
#include "collector/cli/exit_code.h"
#include "collector/cli/option_groups.h"
#include "collector/cli/options_endpoint.h"
#include "collector/cli/options_profile.h"
#include "collector/cli/options_store.h"
#include "collector/cli/options_symbolize.h"
#include "collector/cli/version.h"
#include "collector/collectors/endpoint_url.h"

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

std::unique_ptr<EndpointOptions> add_collect(CLI::App& app, CollectRequest& request) {
  add_target(app, request.target);
  auto* core = app.add_option_group("Core file");
  core->add_option("--core", request.core, "A core file, instead of a process")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  core->add_option("--exe", request.executable,
                   "The program that the core is of, when it is no longer where it ran (default: by its path)")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  auto* archive = app.add_option_group("Archive");
  archive->add_option("-o,--output", request.output, "A file, a directory, or - for standard output")
      ->type_name("PATH")
      ->capture_default_str();
  add_choice<ArchiveFormat>(
      *archive, "--format", request.format,
      {{"tar.zst", ArchiveFormat::kTarZst}, {"tar.gz", ArchiveFormat::kTarGz}, {"zip", ArchiveFormat::kZip}},
      "tar.zst (default), tar.gz or zip; the ending of --output says the same", "FORMAT");
  archive->add_flag("--keep", request.keep, "Into the store (see store --help); with -o, a copy goes there");
  archive->add_flag_callback(
      "--no-redact", [&request] { request.redact = false; }, "Keep secrets; recorded in the manifest");

  auto* asked = app.add_option_group("Debug endpoints");
  auto endpoints = std::make_unique<EndpointOptions>(*asked, request.run);
  add_pull(*asked, request.run);

  auto* evidence = app.add_option_group("Evidence");
  evidence
      ->add_option("--profile-seconds", request.run.profile_seconds,
                   "Length of the CPU profile, an endpoint's or ours; 0 for none")
      ->check(CLI::Range(0, 600))
      ->type_name("S")
      ->capture_default_str();
  add_stack_options(*evidence, request.run);
  evidence->add_flag("--jvm-attach", request.run.jvm_attach,
                     "Send SIGQUIT to a JVM that catches it, so that it opens the socket for its thread dump");
  evidence
      ->add_option("--samples", request.run.samples,
                   "Repeat the stacks of all threads and the figures that may grow so many times (default 1)")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  evidence
      ->add_option_function<double>(
          "--every",
          [&request](const double& seconds) { request.run.every = nanoseconds(static_cast<int64_t>(seconds * 1e9)); },
          "Seconds between two samples (default 1)")
      ->check(CLI::Range(0.01, 3600.0))
      ->type_name("S");
  evidence
      ->add_option("--debuginfod", request.debuginfod,
                   "Server to ask by build id for names that are not here, when the archive is written: a second "
                   "archive has them (never asked unless named); repeatable")
      ->allow_extra_args(false)
      ->type_name("URL");
  add_baseline(*evidence, request.baseline, request.store);
  evidence->add_flag("--numa-maps", request.run.numa_maps, "Read numa_maps as well (walks the page tables)");
  evidence
      ->add_option("--only", request.only, "Run only these collectors, and those that show what they find (see list)")
      ->delimiter(',')
      ->type_name("NAME");
  evidence->add_option("--skip", request.skip, "Leave these collectors out")->delimiter(',')->type_name("NAME");

  auto* run = app.add_option_group("Run");
  run->add_option("--deadline", request.deadline_seconds,
                  "End of the whole run (default 30 plus the profile and the samples)")
      ->check(CLI::Range(1, 86400))
      ->type_name("S");
  run->add_option("--runbooks", request.runbooks, "More runbooks, searched before the built-in ones")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  run->add_flag("-q,--quiet", request.quiet, "No summary, no progress: only the exit code and the archive");
  add_choice<CollectRequest::Progress>(*run, "--progress", request.progress,
                                       {{"auto", CollectRequest::Progress::kAuto},
                                        {"plain", CollectRequest::Progress::kPlain},
                                        {"json", CollectRequest::Progress::kJson},
                                        {"none", CollectRequest::Progress::kNone}},
                                       "auto (default), plain, json or none; on standard error", "HOW");
  return endpoints;
}

std::string unknown_collector(const CollectRequest& request) {
  for (const auto* names : {&request.only, &request.skip})
    for (const std::string& name : *names) {
      const auto table = collector_table();
      if (std::none_of(table.begin(), table.end(), [&](const Collector& c) { return c.name == name; })) return name;
    }
  return {};
}

// "-o x.zip" means a zip.
void format_from_name(CollectRequest& request) {
  for (ArchiveFormat format : {ArchiveFormat::kTarZst, ArchiveFormat::kTarGz, ArchiveFormat::kZip})
    if (request.output.ends_with(extension(format))) request.format = format;
}

Request checked(CollectRequest request) {
  if (!request.core.empty() && !request.target.empty())
    return usage("--core stands for itself: give no process with it");
  if (request.core.empty() && !request.executable.empty()) return usage("--exe goes with --core");
  if (request.core.empty() && request.target.empty())
    return usage("which process? Give --pid, --name, --unit or --port, or --core for a core file");
  format_from_name(request);
  if (std::string name = unknown_collector(request); !name.empty())
    return usage(fmt::format("there is no collector '{}' (emergency-collect list shows them)", name));
  request.only = with_companions(std::move(request.only));
  for (const std::string& url : request.debuginfod)
    if (!parse_endpoint_url(url)) return usage("--debuginfod: expected http://… or https://…");
  if (request.keep && request.output == "-") return usage("--keep needs a file to keep: not with -o -");
  if (!request.debuginfod.empty() && request.output == "-")
    return usage("--debuginfod writes a second archive beside the first: not with -o -");
  return request;
}

Request checked(StacksRequest request, std::optional<int> pid) {
  if (pid && !request.target.empty()) return usage("give the process once");
  if (pid) request.target.pid = pid;
  if (request.target.empty()) return usage("which process? Give its PID, or --name, --unit or --port");
  if (request.run.stacks == StackMode::kKernel || request.run.stacks == StackMode::kNone)
    return usage("--stacks: expected auto, consistent or no-stop");
  return request;
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

  CollectRequest collect;
  auto endpoints = add_collect(app, collect);

  CollectRequest named_collect;
  auto* collect_app = app.add_subcommand("collect", "Collect (the default: may be left out)");
  auto named_endpoints = add_collect(*collect_app, named_collect);

  ShowRequest show;
  auto* show_app = app.add_subcommand("show", "The summary of an archive, or one of its artifacts");
  show_app->add_option("ARCHIVE", show.archive)->required();
  show_app->add_option("ARTIFACT", show.artifact, "Path inside the archive, e.g. threads/stacks.txt");
  show_app->add_flag("--list", show.list, "The manifest as a table");
  show_app->add_flag("--reanalyse", show.reanalyse, "Compute the summary anew from the raw bytes, with today's rules");
  show_app->add_option("--runbooks", show.runbooks)->type_name("DIR")->check(CLI::ExistingDirectory);
  add_baseline(*show_app, show.baseline, show.store);

  VerifyRequest verify;
  app.add_subcommand("verify", "Check every hash; say what a partial archive still holds")
      ->add_option("ARCHIVE", verify.archive)
      ->required();

  DiffRequest diff;
  auto* diff_app = app.add_subcommand("diff", "What changed between two archives");
  diff_app
      ->add_option("OLD NEW", diff.archives,
                   "Archives; more of the same process between them: what grew over all of them")
      ->required()
      ->expected(2, 1000)
      ->type_name("ARCHIVE");

  ChecklistRequest checklist;
  auto* checklist_app = app.add_subcommand("checklist", "One screen in under a second, no archive");
  add_target(*checklist_app, checklist.target);
  EndpointOptions checklist_endpoints(*checklist_app, checklist.run);

  StacksRequest stacks;
  std::optional<int> stacks_pid;
  auto* stacks_app = app.add_subcommand("stacks", "The stacks of all threads, printed at once; no archive");
  stacks_app->add_option("PID", stacks_pid, "Process to look at")->check(CLI::PositiveNumber);
  add_target(*stacks_app, stacks.target);
  add_stack_options(*stacks_app, stacks.run);
  stacks_app->add_option("--deadline", stacks.deadline_seconds, "What has not come by then is left out")
      ->check(CLI::Range(1, 86400))
      ->type_name("S")
      ->capture_default_str();

  DoctorRequest doctor;
  auto* doctor_app = app.add_subcommand("doctor", "What can be collected here, what cannot, and the smallest fix");
  add_target(*doctor_app, doctor.target);
  doctor_app->add_option("-o,--output", doctor.output, "Where the archive would go")->type_name("PATH");

  RunbookRequest runbook;
  auto* runbook_app = app.add_subcommand("runbook", "The pages that findings point to");
  runbook_app->require_subcommand(1);
  auto* runbook_list = runbook_app->add_subcommand("list", "All pages");
  auto* runbook_show = runbook_app->add_subcommand("show", "One page");
  runbook_show->add_option("ID", runbook.id)->required();
  for (auto* sub : {runbook_list, runbook_show})
    sub->add_option("--runbooks", runbook.runbooks, "Searched before the built-in pages")
        ->type_name("DIR")
        ->check(CLI::ExistingDirectory);

  SymbolizeOptions symbolize(app);
  ProfileOptions profile(app);
  StoreOptions store(app);

  auto* list_app = app.add_subcommand("list", "The collectors, in running order");

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
    return usage(problem);
  }

  if (show_app->parsed()) return show;
  if (app.got_subcommand("verify")) return verify;
  if (diff_app->parsed()) return diff;
  if (checklist_app->parsed()) {
    if (std::string problem = checklist_endpoints.resolve(); !problem.empty()) return usage(problem);
    return checklist;
  }
  if (stacks_app->parsed()) return checked(stacks, stacks_pid);
  if (doctor_app->parsed()) return doctor;
  if (list_app->parsed()) return ListRequest{};
  if (symbolize.parsed()) return symbolize.request();
  if (profile.parsed()) return profile.request();
  if (store.parsed()) return store.request();
  if (runbook_app->parsed()) {
    runbook.list = runbook_list->parsed();
    return runbook;
  }
  auto& used = collect_app->parsed() ? named_endpoints : endpoints;
  if (std::string problem = used->resolve(); !problem.empty()) return usage(problem);
  return checked(collect_app->parsed() ? named_collect : collect);
}

}  // namespace ec
