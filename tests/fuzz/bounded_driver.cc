// Runs a fuzz target without libFuzzer: every file of the given folders as it is, cut short, and with bytes changed by
// a fixed pseudo-random sequence. Bounded, so that each test run gives every parser hostile input.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kLargestSeed = 16 * 1024;
constexpr int kMutationsPerSeed = 40;
constexpr size_t kMostSeeds = 400;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string mutated(std::string input, std::mt19937& random) {
  for (uint32_t changes = 1 + random() % 8; changes > 0 && !input.empty(); --changes) {
    size_t at = random() % input.size();
    switch (random() % 4) {
      case 0:
        input[at] = static_cast<char>(random());
        break;
      case 1:
        input.erase(at, random() % 16);
        break;
      case 2:
        input.insert(at, std::string(random() % 8, static_cast<char>(random())));
        break;
      default:
        input.insert(at, "99999999999999999999");
        break;
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> seeds{"", std::string(1, '\0'), "\n"};
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    if (seeds.size() >= kMostSeeds) break;
    std::ifstream stream(file, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    seeds.push_back(bytes.substr(0, kLargestSeed));
  }
  std::mt19937 random(20261120);
  size_t runs = 0;
  for (const std::string& seed : seeds) {
    run(seed);
    run(seed.substr(0, seed.size() / 2));
    for (int i = 0; i < kMutationsPerSeed; ++i) run(mutated(seed, random));
    runs += 2 + kMutationsPerSeed;
  }
  std::printf("%zu inputs from %zu seeds\n", runs, seeds.size());
}
