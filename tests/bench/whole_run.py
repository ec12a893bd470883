#!/usr/bin/env python3
"""The whole run beside the shell way of doing the same, in turn, on one big process.

    tests/bench/whole_run.py BUILD_DIR [--threads 1000] [--mappings 1000] [--descriptors 10000] [--rounds 5] [--scale]

Prints wall and CPU seconds, peak memory (largest process), and the target's own longest gap during the run: medians, and
ours divided by the shell way's. With --scale also a tenth of the threads and descriptors, ours only. Build with the release
preset. Needs eu-stack (elfutils), lsof, procps, iproute2.
"""
import argparse, os, shutil, statistics, tempfile

import measured

SHELL_WAY = "top -bn1; ps aux; free; df; ss -s; pmap -x {pid}; lsof -p {pid}; eu-stack -p {pid}"


def heavy_target(build, *counts):
    return measured.Target(os.path.join(build, "targets", "heavy"), *map(str, counts))


def run(arguments, shell, heavy):
    heavy.numbers()
    wall, cpu, memory, status = measured.run(arguments, shell=shell)
    gap, interrupted = heavy.numbers()
    return {"wall": wall, "cpu": cpu, "rss": memory, "gap": gap, "eintr": interrupted, "status": status}


def medians(results):
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def row(name, m):
    print(f"{name:<28} {m['wall']:8.3f} s {m['cpu']:8.3f} s {m['rss']:8.1f} MiB {m['gap'] / 1000:9.2f} ms {int(m['eintr']):6}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    for name, value in (("threads", 1000), ("mappings", 1000), ("descriptors", 10000), ("rounds", 5)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    measured.need("top", "ps", "free", "df", "ss", "pmap", "lsof", "eu-stack")
    collect = os.path.join(options.build, "emergency-collect")
    scratch = tempfile.mkdtemp(prefix="ec-bench-")

    def ours(pid):
        return [collect, "--pid", str(pid), "--profile-seconds", "0", "-o", scratch]

    print(f"{options.threads} threads, {options.mappings} mappings, {options.descriptors} descriptors; "
          f"median of {options.rounds} rounds, in turn")
    print(f"{'':<28} {'wall':>10} {'CPU':>10} {'peak RSS':>12} {'target gap':>12} {'EINTR':>6}")
    heavy = heavy_target(options.build, options.threads, options.mappings, options.descriptors)
    pid = heavy.pid
    mine, shell = [], []
    run(ours(pid), False, heavy)
    for _ in range(options.rounds):
        mine.append(run(ours(pid), False, heavy))
        shell.append(run(SHELL_WAY.format(pid=pid), True, heavy))
    a, b = medians(mine), medians(shell)
    row("emergency-collect", a)
    row("the shell way", b)
    ratio = lambda key: a[key] / b[key] if b[key] else float("nan")
    print(f"{'ratio':<28} {ratio('wall'):10.3f} {ratio('cpu'):10.3f} {ratio('rss'):12.3f} {ratio('gap'):12.3f}")
    sizes = [os.path.getsize(os.path.join(scratch, name)) for name in os.listdir(scratch)]
    print(f"archive: {statistics.median(sizes) / 1024:.0f} KiB; exit codes {sorted({r['status'] for r in mine})}")
    heavy.stop()

    if options.scale:
        small = heavy_target(options.build, options.threads // 10, options.mappings, options.descriptors // 10)
        m = medians([run(ours(small.pid), False, small) for _ in range(5)])
        row("a tenth as big", m)
        print(f"{'ratio, big to small':<28} {a['wall'] / m['wall']:10.1f} {a['cpu'] / m['cpu']:10.1f} {a['rss'] / m['rss']:12.1f}")
        small.stop()
    shutil.rmtree(scratch)


main()
