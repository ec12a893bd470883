#!/usr/bin/env python3
"""The stacks of all threads beside eu-stack and gdb, in turn, on one process: what the dump takes, and what the target feels.

    tests/bench/stack_dump.py BUILD_DIR [--threads 100,1000,10000] [--rounds 5]

Prints medians: wall and CPU seconds and peak memory of the tool, the target's own longest gap meanwhile, and the EINTR that
its thread in epoll_wait saw. Ours is `stacks`, which prints them as the others do, and `--only stacks`, which also waits
for a second reading of the threads and writes a page and an archive. The minimal loop (minimal_freeze.c) only stops all
threads, reads registers and stacks, and lets them go. Needs eu-stack, gdb and cc.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time


class Heavy:
    def __init__(self, build, threads):
        self.process = subprocess.Popen([os.path.join(build, "targets", "heavy"), str(threads), "100", "100"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("the target did not start")
        time.sleep(0.5)

    def felt(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def run(words, heavy):
    heavy.felt()
    before = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - before
    gap, interrupted = heavy.felt()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, gap / 1000, interrupted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--threads", default="100,1000,10000")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for tool in ("eu-stack", "gdb", "cc"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing")
    collect = os.path.join(options.build, "emergency-collect")
    print(f"{'':<36} {'wall':>9} {'CPU':>9} {'memory':>12} {'gap':>10} {'EINTR':>6}")
    for threads in options.threads.split(","):
        heavy = Heavy(options.build, threads)
        pid = str(heavy.process.pid)
        with tempfile.TemporaryDirectory(prefix="ec-bench-") as scratch:
            ours = [collect, "--pid", pid, "--only", "stacks", "--endpoint", "none", "-o", scratch]
            minimal = os.path.join(scratch, "minimal_freeze")
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "minimal_freeze.c")
            subprocess.run(["cc", "-O2", "-o", minimal, source], check=True)
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
