#include <variant>

#include "collector/cli/commands.h"

int main(int argc, char** argv) {
  return std::visit([](const auto& request) { return ec::run_command(request); }, ec::parse_command_line(argc, argv));
}
