// Options of the subcommands that look at a process and write no archive.
#include <memory>
#include <optional>

#include "collector/cli/option_groups.h"
#include "collector/cli/options_endpoint.h"
#include "collector/cli/options_subcommand.h"

namespace ec {

namespace {

class ChecklistOptions : public Subcommand {
 public:
  explicit ChecklistOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("checklist", "One screen in under a second, no archive")) {
    add_target(*app_, request_.target);
    endpoints_ = std::make_unique<EndpointOptions>(*app_, request_.run);
  }
  Request request() override {
    if (std::string problem = endpoints_->resolve(); !problem.empty()) return usage(problem);
    return request_;
  }

 private:
  ChecklistRequest request_;
  std::unique_ptr<EndpointOptions> endpoints_;
};

Request checked(StacksRequest request, std::optional<int> pid) {
  if (pid && !request.target.empty()) return usage("give the process once");
  if (pid) request.target.pid = pid;
  if (request.target.empty()) return usage("which process? Give its PID, or --name, --unit or --port");
  if (request.run.stacks == StackMode::kKernel || request.run.stacks == StackMode::kNone)
    return usage("--stacks: expected auto, consistent or no-stop");
  return request;
}

class StacksOptions : public Subcommand {
 public:
  explicit StacksOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("stacks", "The stacks of all threads, printed at once; no archive")) {
    app_->add_option("PID", pid_, "Process to look at")->check(CLI::PositiveNumber);
    add_target(*app_, request_.target);
    add_stack_options(*app_, request_.run);
    app_->add_option("--deadline", request_.deadline_seconds, "What has not come by then is left out")
        ->check(CLI::Range(1, 86400))
        ->type_name("S")
        ->capture_default_str();
  }
  Request request() override { return checked(request_, pid_); }

 private:
  StacksRequest request_;
  std::optional<int> pid_;
};

class DoctorOptions : public Subcommand {
 public:
  explicit DoctorOptions(CLI::App& app)
      : Subcommand(app.add_subcommand("doctor", "What can be collected here, what cannot, and the smallest fix")) {
    add_target(*app_, request_.target);
    app_->add_option("-o,--output", request_.output, "Where the archive would go")->type_name("PATH");
  }
  Request request() override { return request_; }

 private:
  DoctorRequest request_;
};

}  // namespace

std::unique_ptr<Subcommand> checklist_subcommand(CLI::App& app) { return std::make_unique<ChecklistOptions>(app); }
std::unique_ptr<Subcommand> stacks_subcommand(CLI::App& app) { return std::make_unique<StacksOptions>(app); }
std::unique_ptr<Subcommand> doctor_subcommand(CLI::App& app) { return std::make_unique<DoctorOptions>(app); }

}  // namespace ec
