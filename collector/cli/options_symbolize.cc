// Options of `symbolize`, which has two forms: addresses of a file, or an archive.
#include "collector/cli/options_subcommand.h"
#include "collector/collectors/endpoint_url.h"

namespace ec {

namespace {

class SymbolizeOptions : public Subcommand {
 public:
  explicit SymbolizeOptions(CLI::App& app);
  Request request() override;

 private:
  SymbolizeRequest addresses_;
  SymbolizeArchiveRequest archive_;
  std::string short_executable_;
};

SymbolizeOptions::SymbolizeOptions(CLI::App& app)
    : Subcommand(
          app.add_subcommand("symbolize", "Names for addresses of a file, or for an archive collected without them")) {
  app_->add_option("ARCHIVE|ADDRESS", addresses_.addresses,
                   "An archive; with --exe or -e hexadecimal addresses as in the file, none: from standard input");
  auto* file = app_->add_option_group("File");
  file->add_option("--exe", addresses_.executable, "Executable or library that the addresses are in")
      ->type_name("FILE");
  file->add_option("-e", short_executable_, "The same, with output as addr2line(1) writes it")->type_name("FILE");
  file->require_option(0, 1);
  app_->add_option("--debug-dir", addresses_.debug_directories,
                   "Where debug files are looked for first, laid out like /usr/lib/debug or all in one; repeatable")
      ->allow_extra_args(false)
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  app_->add_option(
          "--debuginfod", addresses_.debuginfod,
          "Server to ask by build id for what is not here (http or https; never asked unless named); repeatable")
      ->allow_extra_args(false)
      ->type_name("URL");
  app_->add_option("--deadline", addresses_.deadline_seconds, "End of the search in an archive, and of what is fetched")
      ->check(CLI::Range(1, 86400))
      ->type_name("S")
      ->capture_default_str();
  auto* archive = app_->add_option_group("Archive");
  archive
      ->add_option("-o,--output", archive_.output,
                   "The new archive: a file, a directory, or - for standard output (default: beside the old one)")
      ->type_name("PATH");
  auto* form = app_->add_option_group("As addr2line (each of them chooses its output)");
  form->add_flag("-f,--functions", addresses_.functions, "Names of functions");
  form->add_flag("-i,--inlines", addresses_.inlines, "What the function was inlined into");
  form->add_flag("-C,--demangle", addresses_.demangle, "C++ and Rust names as they were written");
  form->add_flag("-a,--addresses", addresses_.show_address, "The address first");
  form->add_flag("-s,--basenames", addresses_.base_names, "Files without their directories");
  form->add_flag("-p,--pretty-print", addresses_.one_line, "One line for each");
}

Request SymbolizeOptions::request() {
  SymbolizeRequest& request = addresses_;
  bool as_addr2line = request.functions || request.inlines || request.demangle || request.show_address ||
                      request.base_names || request.one_line;
  for (const std::string& url : request.debuginfod)
    if (auto parsed = parse_endpoint_url(url); !parsed) return usage("--debuginfod: expected http://… or https://…");
  if (!request.executable.empty() || !short_executable_.empty()) {
    if (!archive_.output.empty()) return usage("--output is for archives, not for --exe or -e");
    request.addr2line = as_addr2line || !short_executable_.empty();
    if (!short_executable_.empty()) request.executable = short_executable_;
    return request;
  }
  if (request.addresses.size() != 1 || as_addr2line)
    return usage("symbolize needs --exe FILE (or -e) with addresses, or one ARCHIVE");
  archive_.archive = request.addresses.front();
  archive_.debug_directories = request.debug_directories;
  archive_.debuginfod = request.debuginfod;
  archive_.deadline_seconds = request.deadline_seconds;
  return archive_;
}

}  // namespace

std::unique_ptr<Subcommand> symbolize_subcommand(CLI::App& app) { return std::make_unique<SymbolizeOptions>(app); }

}  // namespace ec
