#!/usr/bin/env python3
"""Makes a program with much debug information, for measurements of memory.

    tests/bench/big_program.py FILE [--gigabytes 1] [--compiler g++]

One source of templates is compiled once, and its object renamed and linked as often as needed: GNU ld then copies the debug
information of each. Nothing is done when FILE is large enough already. Takes about a minute and the size of FILE of disk.
"""
import argparse, os, subprocess, tempfile

SOURCE = r"""
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>
namespace {
template <int N> struct Shop {
  std::map<std::string, std::vector<std::pair<int, std::string>>> shelves;
  std::unordered_map<int, std::function<int(int)>> prices;
  __attribute__((noinline)) int sell(int x) {
    std::ostringstream out;
    out << x << N;
    shelves[out.str()].emplace_back(x, "thing");
    prices[x] = [x](int y) { return x * y + N; };
    auto& shelf = shelves.begin()->second;
    std::sort(shelf.begin(), shelf.end());
    return prices.begin()->second(N) + static_cast<int>(shelf.size());
  }
};
template <int N> int all(int x) {
  if constexpr (N == 0) return x; else return Shop<N>().sell(x) + all<N - 1>(x);
}
}
int UNIT(int x) { return all<40>(x) + std::regex_match("x", std::regex("[a-z]+")); }
"""


def debug_bytes(file):
    total = 0
    for line in subprocess.run(["readelf", "-SW", file], capture_output=True, text=True).stdout.splitlines():
        fields = line.replace("[ ", "[").split()
        if len(fields) > 5 and fields[1].startswith(".debug_"):
            total += int(fields[5], 16)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--compiler", default="g++")
    options = parser.parse_args()
    wanted = int(options.gigabytes * (1 << 30))
    if os.path.exists(options.file) and debug_bytes(options.file) >= wanted * 0.98:
        return
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(options.file))) as folder:
        source = os.path.join(folder, "unit.cc")
        with open(source, "w") as file:
            file.write(SOURCE)
        first = os.path.join(folder, "unit.o")
        subprocess.run([options.compiler, "-std=c++17", "-O2", "-g", "-c", "-DUNIT=unit", source, "-o", first], check=True)
        # Strings are merged by the linker; nearly all of the rest is copied.
        one = debug_bytes(first)
        objects = [first]
        for i in range(1, int(wanted / (one * 0.75)) + 1):
            objects.append(os.path.join(folder, f"unit{i}.o"))
            subprocess.run(["objcopy", "--redefine-sym", f"_Z4uniti=_Z4uniti{i}", first, objects[-1]], check=True)
        main_file = os.path.join(folder, "main.cc")
        with open(main_file, "w") as file:
            file.write("#include <unistd.h>\nint unit(int);\nint main(int c, char**) { if (c > 1) pause(); return unit(c); }\n")
        subprocess.run([options.compiler, "-g", main_file, *objects, "-o", options.file], check=True)
    print(f"{options.file}: {debug_bytes(options.file) / (1 << 30):.2f} GiB of debug information")


main()
