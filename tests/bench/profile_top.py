#!/usr/bin/env python3
"""Reading a large profile and printing its top functions, beside `go tool pprof -top`, in turn.

    tests/bench/profile_top.py EMERGENCY_COLLECT [--mib 50] [--rounds 3]

Makes a CPU profile of that size: walks of 10 to 60 calls through a service with 20,000 functions, a third of the places with one
or two inlined functions, labels on half of the samples. It is read bare and packed with gzip. Prints wall and CPU seconds and
peak memory, medians; and ours divided by theirs. Both outputs are compared before anything is measured.
"""
import argparse, gzip, os, random, statistics, subprocess, sys, tempfile

import measured


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(tag, value):
    return varint(tag << 3) + varint(value)


def field(tag, content):
    return varint(tag << 3 | 2) + varint(len(content)) + content


def make_profile(size):
    chance = random.Random(1)
    strings = ["", "samples", "count", "cpu", "nanoseconds", "/srv/bin/service", "request", "tenant"]
    functions, locations = 20_000, 60_000
    first_function = len(strings)
    for i in range(functions):
        strings.append(f"example.com/shop/internal/package{i % 300}.(*Service{i % 1700}).handleRequest{i}")
    first_label = len(strings)
    strings += [f"tenant-{i}" for i in range(2000)]
    head = field(1, number(1, 1) + number(2, 2)) + field(1, number(1, 3) + number(2, 4))
    head += field(3, number(1, 1) + number(2, 0x400000) + number(3, 0x4000000) + number(5, 5) + number(7, 1))
    tail = bytearray()
    for i in range(functions):
        tail += field(5, number(1, i + 1) + number(2, first_function + i) + number(3, first_function + i) + number(4, 5))
    for i in range(locations):
        lines = b"".join(field(4, number(1, chance.randrange(functions) + 1) + number(2, chance.randrange(2000)))
                         for _ in range(chance.choice((1, 1, 1, 1, 2, 3))))
        tail += field(4, number(1, i + 1) + number(2, 1) + number(3, 0x400000 + 16 * i) + lines)
    for text in strings:
        tail += field(6, text.encode())
    tail += field(11, number(1, 3) + number(2, 4)) + number(12, 10_000_000) + number(10, 30_000_000_000)
    samples = [head]
    length = len(head) + len(tail)
    callees = [[chance.randrange(locations) for _ in range(chance.randint(1, 6))] for _ in range(locations)]
    while length < size:
        at, stack = chance.randrange(8), []
        for _ in range(chance.randint(10, 60)):  # a call goes mostly to the first of the callees
            stack.append(at + 1)
            at = callees[at][min(int(chance.paretovariate(1.5)), len(callees[at])) - 1]
        stack.reverse()
        count = int(chance.paretovariate(1.2))
        sample = field(1, b"".join(map(varint, stack))) + field(2, varint(count) + varint(count * 10_000_000))
        if chance.random() < 0.5:
            sample += field(3, number(1, 7) + number(2, first_label + chance.randrange(2000)))
        samples.append(field(2, sample))
        length += len(samples[-1])
    return b"".join(samples) + bytes(tail)


def run(command, environment, out=subprocess.DEVNULL):
    return measured.run(command, expected=(0,), env=environment, out=out)[:3]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collect")
    parser.add_argument("--mib", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ec-bench-") as folder:
        profile = make_profile(int(options.mib * (1 << 20)))
        files = {"bare": os.path.join(folder, "bare.pb"), "gzip": os.path.join(folder, "packed.pb.gz")}
        with open(files["bare"], "wb") as file:
            file.write(profile)
        with gzip.open(files["gzip"], "wb", compresslevel=6) as file:
            file.write(profile)
        del profile
        environment = dict(os.environ, TZ="UTC", HOME=folder, PPROF_TMPDIR=folder, PPROF_BINARY_PATH=folder + "/none")
        pprof = subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, text=True, check=True).stdout.strip()
        for form, file in files.items():
            tools = {"emergency-collect": [options.collect, "profile", "top", file], "go tool pprof": [pprof, "-top", file]}
            texts = []
            for name, command in tools.items():
                with open(os.path.join(folder, "out"), "w+") as out:
                    run(command, environment, out)
                    out.seek(0)
                    texts.append([line.rstrip() for line in out])
            if texts[0] != texts[1]:
                sys.exit("the outputs differ")
            results = {name: [] for name in tools}
            for _ in range(options.rounds):
                for name, command in tools.items():
                    results[name].append(run(command, environment))
            print(f"{form}: {os.path.getsize(file) / (1 << 20):.1f} MiB, same {len(texts[0])} lines; median of {options.rounds} rounds, in turn")
            medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in results.items()}
            for name, (wall, cpu, rss) in medians.items():
                print(f"  {name:<20} wall {wall:7.3f} s  CPU {cpu:7.3f} s  peak RSS {rss:8.1f} MiB")
            ours, theirs = medians.values()
            print(f"  {'ours / theirs':<20} wall {ours[0] / theirs[0]:7.3f}    CPU {ours[1] / theirs[1]:7.3f}    peak RSS {ours[2] / theirs[2]:8.3f}")


main()
