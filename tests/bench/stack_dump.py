#!/usr/bin/env python3
"""The stacks of all threads beside eu-stack and gdb, in turn, on one process: what the dump takes, and what the target feels.

    tests/bench/stack_dump.py BUILD_DIR [--threads 100,1000,10000] [--rounds 5]

Prints medians: wall and CPU seconds and peak memory of the tool, the target's own longest gap meanwhile, and the EINTR that
its thread in epoll_wait saw. Ours is `stacks`, which prints them as the others do, and `--only stacks`, which also waits
for a second reading of the threads and writes a page and an archive. The minimal loop (minimal_freeze.c) only stops all
threads, reads registers and stacks, and lets them go. Needs eu-stack, gdb and cc.
"""
import argparse, os, statistics, tempfile, time

import measured


def run(words, heavy):
    heavy.numbers()
    wall, cpu, memory, _ = measured.run(words)
    gap, interrupted = heavy.numbers()
    return wall, cpu, memory, gap / 1000, interrupted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--threads", default="100,1000,10000")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measured.need("eu-stack", "gdb", "cc")
    collect = os.path.join(options.build, "emergency-collect")
    print(f"{'':<36} {'wall':>9} {'CPU':>9} {'memory':>12} {'gap':>10} {'EINTR':>6}")
    for threads in options.threads.split(","):
        heavy = measured.Target(os.path.join(options.build, "targets", "heavy"), threads, "100", "100")
        time.sleep(0.5)
        pid = heavy.pid
        with tempfile.TemporaryDirectory(prefix="ec-bench-") as scratch:
            ours = [collect, "--pid", pid, "--only", "stacks", "--endpoint", "none", "-o", scratch]
            minimal = measured.compiled("minimal_freeze.c", scratch)
            consistent = ["--stacks", "consistent", "--max-pause", "1000"]
            tools = {
                "nobody looks": ["sleep", "0.3"],
                "emergency-collect stacks": [collect, "stacks", pid],
                "emergency-collect stacks --no-lines": [collect, "stacks", pid, "--no-lines"],
                "emergency-collect --only stacks": ours,
                "stacks --stacks consistent": [collect, "stacks", pid] + consistent,
                "… with --restart-eintr": [collect, "stacks", pid] + consistent + ["--restart-eintr"],
                "minimal loop": [minimal, pid],
                "eu-stack": ["eu-stack", "-p", pid],
                "gdb": ["gdb", "-nx", "-batch", "-p", pid, "-ex", "thread apply all bt"],
            }
            results = {name: [] for name in tools}
            run(ours, heavy)
            for _ in range(options.rounds):
                for name, words in tools.items():
                    results[name].append(run(words, heavy))
        print(f"{threads} threads")
        for name, rows in results.items():
            wall, cpu, memory, gap, interrupted = (statistics.median(column) for column in zip(*rows))
            print(f"  {name:<34} {wall:7.3f} s {cpu:7.3f} s {memory:8.1f} MiB {gap:7.2f} ms {int(interrupted):6}")
        heavy.stop()


main()
