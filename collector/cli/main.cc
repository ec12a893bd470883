#include <variant>

#include "collector/cli/commands.h"
#include "collector/cli/own_process.h"

int main(int argc, char** argv) {
  ec::occupy_standard_descriptors();
  return std::visit([](const auto& request) { return ec::run_command(request); }, ec::parse_command_line(argc, argv));
}
