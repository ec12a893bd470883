// Options of `collect`, with its name or without.
#include <algorithm>
#include <memory>

#include "collector/cli/option_groups.h"
#include "collector/cli/options_endpoint.h"
#include "collector/cli/options_subcommand.h"
#include "collector/collectors/endpoint_url.h"

namespace ec {

namespace {

class CollectOptions : public Subcommand {
 public:
  explicit CollectOptions(CLI::App* app);
  Request request() override;

 private:
  void add_core();
  void add_archive();
  void add_endpoints();
  void add_evidence();
  void add_samples(CLI::App& evidence);
  void add_run();

  CollectRequest request_;
  std::unique_ptr<EndpointOptions> endpoints_;
};

CollectOptions::CollectOptions(CLI::App* app) : Subcommand(app) {
  add_target(*app_, request_.target);
  add_core();
  add_archive();
  add_endpoints();
  add_evidence();
  add_run();
}

void CollectOptions::add_core() {
  auto* core = app_->add_option_group("Core file");
  core->add_option("--core", request_.core, "A core file, instead of a process")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  core->add_option("--exe", request_.executable,
                   "The program that the core is of, when it is no longer where it ran (default: by its path)")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
}

void CollectOptions::add_archive() {
  auto* archive = app_->add_option_group("Archive");
  archive->add_option("-o,--output", request_.output, "A file, a directory, or - for standard output")
      ->type_name("PATH")
      ->capture_default_str();
  add_choice<ArchiveFormat>(
      *archive, "--format", request_.format,
      {{"tar.zst", ArchiveFormat::kTarZst}, {"tar.gz", ArchiveFormat::kTarGz}, {"zip", ArchiveFormat::kZip}},
      "tar.zst (default), tar.gz or zip; the ending of --output says the same", "FORMAT");
  archive->add_flag("--keep", request_.keep, "Into the store (see store --help); with -o, a copy goes there");
  archive->add_flag_callback(
      "--no-redact", [this] { request_.redact = false; }, "Keep secrets; recorded in the manifest");
}

void CollectOptions::add_endpoints() {
  auto* asked = app_->add_option_group("Debug endpoints");
  endpoints_ = std::make_unique<EndpointOptions>(*asked, request_.run);
  add_pull(*asked, request_.run);
}

void CollectOptions::add_evidence() {
  auto* evidence = app_->add_option_group("Evidence");
  evidence
      ->add_option("--profile-seconds", request_.run.profile_seconds,
                   "Length of the CPU profile, an endpoint's or ours; 0 for none")
      ->check(CLI::Range(0, 600))
      ->type_name("S")
      ->capture_default_str();
  add_stack_options(*evidence, request_.run);
  evidence->add_flag("--jvm-attach", request_.run.jvm_attach,
                     "Send SIGQUIT to a JVM that catches it, so that it opens the socket for its thread dump");
  add_samples(*evidence);
  evidence
      ->add_option("--debuginfod", request_.debuginfod,
                   "Server to ask by build id for names that are not here, when the archive is written: a second "
                   "archive has them (never asked unless named); repeatable")
      ->allow_extra_args(false)
      ->type_name("URL");
  add_baseline(*evidence, request_.baseline, request_.store);
  evidence->add_flag("--numa-maps", request_.run.numa_maps, "Read numa_maps as well (walks the page tables)");
  evidence
      ->add_option("--only", request_.only, "Run only these collectors, and those that show what they find (see list)")
      ->delimiter(',')
      ->type_name("NAME");
  evidence->add_option("--skip", request_.skip, "Leave these collectors out")->delimiter(',')->type_name("NAME");
}

void CollectOptions::add_samples(CLI::App& evidence) {
  evidence
      .add_option("--samples", request_.run.samples,
                  "Repeat the stacks of all threads and the figures that may grow so many times (default 1)")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  evidence
      .add_option_function<double>(
          "--every",
          [this](const double& seconds) { request_.run.every = nanoseconds(static_cast<int64_t>(seconds * 1e9)); },
          "Seconds between two samples (default 1)")
      ->check(CLI::Range(0.01, 3600.0))
      ->type_name("S");
}

void CollectOptions::add_run() {
  auto* run = app_->add_option_group("Run");
  run->add_option("--deadline", request_.deadline_seconds,
                  "End of the whole run (default 30 plus the profile and the samples)")
      ->check(CLI::Range(1, 86400))
      ->type_name("S");
  run->add_option("--runbooks", request_.runbooks, "More runbooks, searched before the built-in ones")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  run->add_flag("-q,--quiet", request_.quiet, "No summary, no progress: only the exit code and the archive");
  add_choice<CollectRequest::Progress>(*run, "--progress", request_.progress,
                                       {{"auto", CollectRequest::Progress::kAuto},
                                        {"plain", CollectRequest::Progress::kPlain},
                                        {"json", CollectRequest::Progress::kJson},
                                        {"none", CollectRequest::Progress::kNone}},
                                       "auto (default), plain, json or none; on standard error", "HOW");
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

Request CollectOptions::request() {
  if (std::string problem = endpoints_->resolve(); !problem.empty()) return usage(problem);
  return checked(request_);
}

}  // namespace

std::unique_ptr<Subcommand> collect_subcommand(CLI::App& app) {
  return std::make_unique<CollectOptions>(app.add_subcommand("collect", "Collect (the default: may be left out)"));
}

std::unique_ptr<Subcommand> unnamed_collect(CLI::App& app) { return std::make_unique<CollectOptions>(&app); }

}  // namespace ec
