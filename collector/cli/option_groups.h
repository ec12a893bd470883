// Options that several subcommands share. Private to options*.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "collector/base/text.h"
#include "collector/cli/options.h"

namespace ec {

// An option whose value is one of a few words.
template <class T>
void add_choice(CLI::App& group, const char* name, T& value, std::map<std::string, T> words, const char* text,
                const char* type) {
  auto known = [words](const std::string& word) {
    if (words.contains(word)) return std::string{};
    std::string listed;
    for (const auto& [one, unused] : words) listed += (listed.empty() ? "" : ", ") + one;
    return fmt::format("expected one of {}, not '{}'", listed, word);
  };
  group
      .add_option_function<std::string>(
          name, [&value, words](const std::string& word) { value = words.at(word); }, text)
      ->check(known)
      ->type_name(type);
}

// --pid, --name, --unit, --port: at most one of them.
void add_target(CLI::App& app, TargetRequest& target);

// --baseline, and the store that "last-good" is looked for in.
void add_baseline(CLI::App& group, std::vector<std::string>& baseline, std::string& store);
// --store DIR.
void add_store(CLI::App& group, std::string& store);

// How stacks are read: --stacks, --max-pause, --restart-eintr, --debug-dir, --no-lines.
void add_stack_options(CLI::App& group, RunOptions& run);

}  // namespace ec
