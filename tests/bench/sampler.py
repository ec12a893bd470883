#!/usr/bin/env python3
"""What sampling costs the target, by its own throughput: ours beside perf record and a loop of gdb, in turn.

    tests/bench/sampler.py BUILD_DIR [--threads 1,100] [--rounds 5] [--seconds 5]

The target counts its own rounds of work. Printed are medians of rounds a second of wall time and a second of its own CPU
time while the tool samples, as ratios to the same with nobody looking, which is measured before each tool; the CPU time
of the tool; and how many samples it took. The first and the last 0.7 s of each profile are not measured. Rounds a
second of wall time say what a stop costs, those of CPU time what is done in the target's own time; only the latter mean
something on a machine that is busy. Needs perf, gdb and cc.
"""
import argparse, os, re, signal, statistics, subprocess, tempfile, time

import measured

EDGE = 0.7


class Target(measured.Target):
    # Rounds a second of wall time, and of CPU time.
    def rates(self, seconds):
        before = self.numbers()
        time.sleep(seconds)
        rounds, cpu, wall = (b - a for a, b in zip(before, self.numbers()))
        return rounds / wall * 1e9, rounds / cpu * 1e9


def cpu_of(process):
    return measured.end(process)[0]


def beside(target, seconds, words):
    process = measured.start(words)
    time.sleep(EDGE)
    rates = target.rates(seconds - 2 * EDGE)
    return rates + (cpu_of(process),)


def gdb_loop(target, seconds, log):
    """One gdb after the other, as a poor man's profiler does it. Each leaves a byte in `log`."""
    loop = f"while :; do gdb -nx -batch -p {target.pid} -ex 'thread apply all bt'; printf x >> {log}; done"
    process = measured.start(["sh", "-c", loop], start_new_session=True)
    time.sleep(EDGE)
    rates = target.rates(seconds - 2 * EDGE)
    os.killpg(process.pid, signal.SIGTERM)
    return rates + (cpu_of(process),)


def samples_of(collect, archive):
    text = subprocess.run([collect, "show", archive, "profiles/cpu.txt"], capture_output=True, text=True).stdout
    found = re.search(r"(\d+) samples", text)
    return int(found.group(1)) if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--threads", default="1,100")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    measured.need("perf", "gdb", "cc")
    collect = os.path.join(options.build, "emergency-collect")
    seconds = options.seconds
    print(f"{'':<32} {'per wall s':>11} {'per CPU s':>10} {'its CPU':>9} {'samples':>8}")
    with tempfile.TemporaryDirectory(prefix="ec-bench-") as scratch:
        program = measured.compiled("throughput.c", scratch, "-pthread")
        archive, data, log = (os.path.join(scratch, name) for name in ("x.tar.zst", "perf.data", "gdb"))
        for threads in options.threads.split(","):
            target = Target(program, threads)
            perf = ["perf", "record", "-q", "-F", "99", "-o", data, "-p", target.pid]
            tools = {
                "nobody looks": lambda: target.rates(seconds - 2 * EDGE) + (0,),
                "emergency-collect": lambda: beside(target, seconds, [
                    collect, "--pid", target.pid, "--only", "cpu_profile", "--profile-seconds", str(seconds), "-q", "-o", archive]),
                "perf record -g": lambda: beside(target, seconds, perf + ["-g", "--", "sleep", str(seconds)]),
                "perf record --call-graph dwarf": lambda: beside(
                    target, seconds, perf + ["--call-graph", "dwarf,32768", "--", "sleep", str(seconds)]),
                "gdb in a loop": lambda: gdb_loop(target, seconds, log),
            }
            rows = {name: [] for name in tools}
            for _ in range(options.rounds):
                for name, measure in tools.items():
                    wall_before, cpu_before = target.rates(seconds - 2 * EDGE)
                    for file in (archive, log):
                        if os.path.exists(file):
                            os.unlink(file)
                    wall, cpu, own = measure()
                    count = 0
                    if name == "emergency-collect":
                        count = samples_of(collect, archive)
                    elif name.startswith("perf"):
                        text = subprocess.run(["perf", "script", "-F", "tid", "-G", "-i", data], capture_output=True, text=True).stdout
                        count = len(text.split("\n")) - 1
                    elif os.path.exists(log):
                        count = os.path.getsize(log) * int(threads)
                    rows[name].append((wall / wall_before, cpu / cpu_before, own, count))
            print(f"{threads} threads")
            for name, results in rows.items():
                wall, cpu, own, count = (statistics.median(column) for column in zip(*results))
                print(f"  {name:<30} {wall:>11.4f} {cpu:>10.4f} {own:>7.2f} s {count:>8.0f}")
            target.stop()


if __name__ == "__main__":
    main()
