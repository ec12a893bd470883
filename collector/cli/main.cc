#include <variant>

#include "collector/cli/commands.h"
#include "collector/cli/options.h"
#include "collector/cli/own_process.h"

int main(int argc, char** argv) {
  ec::occupy_standard_descriptors();
  ec::Request request = ec::parse_command_line(argc, argv);
  ec::hide_credentials(argc, argv);
  return std::visit([](const auto& one) { return ec::run_command(one); }, request);
}
