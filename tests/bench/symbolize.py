#!/usr/bin/env python3
"""Function, file, line and inlined functions of many addresses, beside the tools that people use for it, in turn.

    tests/bench/symbolize.py EMERGENCY_COLLECT FILE [--addresses 100000] [--rounds 3] [--without TOOL,…]

FILE has debug information. The addresses are random ones in its functions, in random order, on standard input. Prints wall
and CPU seconds and peak memory, medians, cold start included; and ours divided by each of the others. eu-addr2line takes minutes
for some files: --without leaves it out.
"""
import argparse, os, random, shutil, statistics, subprocess, sys, tempfile

import measured

OTHERS = {
    "addr2line": ["addr2line", "-afiC", "-e"],
    "eu-addr2line": ["eu-addr2line", "-afiC", "-e"],
    "llvm-symbolizer": ["llvm-symbolizer", "--inlines", "--obj"],
}


def addresses_in(file, count):
    functions = []
    for line in subprocess.run(["nm", "-S", "--defined-only", file], capture_output=True, text=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwW" and int(fields[1], 16) > 0:
            functions.append((int(fields[0], 16), int(fields[1], 16)))
    if not functions:
        sys.exit(f"{file}: no functions in its symbol table")
    chosen = random.Random(1).choices(functions, k=count)
    return "".join(f"{start + random.randrange(size):#x}\n" for start, size in chosen)


def run(arguments, questions):
    # eu-addr2line ends with 1 when it knew nothing about one of the addresses.
    with open(questions) as stdin:
        return measured.run(arguments, expected=(0, 1), stdin=stdin)[:3]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collect")
    parser.add_argument("file")
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", default="")
    options = parser.parse_args()
    tools = {"emergency-collect": [options.collect, "symbolize", "-afiC", "-e", options.file]}
    tools |= {name: command + [options.file] for name, command in OTHERS.items()
              if shutil.which(command[0]) and name not in options.without.split(",")}
    with tempfile.NamedTemporaryFile("w", prefix="ec-bench-") as questions:
        questions.write(addresses_in(options.file, options.addresses))
        questions.flush()
        results = {name: [] for name in tools}
        for _ in range(options.rounds):
            for name, command in tools.items():
                results[name].append(run(command, questions.name))
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in results.items()}
    print(f"{options.addresses} addresses, file of {os.path.getsize(options.file) >> 20} MiB, median of {options.rounds} rounds, in turn")
    print(f"{'':<20} {'wall':>10} {'CPU':>10} {'peak RSS':>12} {'ours / its wall':>16} {'ours / its CPU':>15}")
    ours, our_cpu, _ = medians["emergency-collect"]
    for name, (wall, cpu, rss) in medians.items():
        print(f"{name:<20} {wall:8.3f} s {cpu:8.3f} s {rss:8.1f} MiB {ours / wall:16.3f} {our_cpu / cpu:15.3f}")


main()
