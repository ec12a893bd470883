#!/usr/bin/env python3
"""Every thread's stack, frame by frame, beside eu-stack's and gdb's on the same live process.

    tests/compare/stacks.py BUILD_DIR [--only NAME]… [--verbose]

For each thread the addresses are equal, or one tool's are the beginning of the other's, or they differ. A thread that ran
between two tools is asked again. What is not equal must have its reason in ACCEPTED; the exit code is 1 when one has none.
Needs gdb and elfutils, and of the programs what is installed; the others are named as not tried.
"""
import argparse, json, os, re, subprocess, sys, tempfile, time
from targets import HERE, Missing, table

ROUNDS = 6
FRAMES = 1000  # more are cut: the tools have different limits

JIT = "gdb has no call frame information of code made at run time and guesses: its frames end in no code"
G0 = "below runtime.mcall they show where g0 began (rt0_go); mcall was not called from there"
STRIPPED = "without call frame information they guess by the frame pointer: callers of leaf functions are lost"
MUSL = "musl has no call frame information: eu-stack stops, gdb guesses"
# (program, tool, kind): why. Kinds: "ours longer", "theirs longer", "differs", "no stack".
ACCEPTED = {
    ("node", "gdb", "differs"): JIT,
    ("java", "gdb", "differs"): JIT,
    ("java", "gdb", "ours longer"): JIT,
    ("go", "eu_stack", "theirs longer"): G0,
    ("go", "gdb", "theirs longer"): G0,
    ("go, stripped", "eu_stack", "differs"): STRIPPED,
    ("go, stripped", "gdb", "differs"): STRIPPED,
    ("musl", "eu_stack", "ours longer"): MUSL,
    ("musl", "gdb", "differs"): MUSL,
    ("musl, static", "eu_stack", "ours longer"): MUSL,
    ("musl, static", "gdb", "differs"): MUSL,
    ("musl, static", "gdb", "ours longer"): MUSL,
}


def ours(build, pid, folder):
    output = os.path.join(folder, "incident.tar.zst")
    collect = os.path.join(build, "emergency-collect")
    for old in [output] if os.path.exists(output) else []:
        os.unlink(old)
    subprocess.run([collect, "--pid", str(pid), "--only", "stacks", "--quiet", "--endpoint", "none", "-o", output],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text = subprocess.run([collect, "show", output, "threads/stacks.json"], capture_output=True, text=True).stdout
    stacks = {}
    for thread in json.loads(text)["threads"]:
        native = [f for f in thread["frames"] if not f["inlined"] and f["found_by"] not in ("python",)]
        stacks[thread["tid"]] = [int(f["pc"], 16) for f in native]
    return stacks


def eu_stack(pid):
    text = subprocess.run(["eu-stack", "-n", "0", "-p", str(pid)], capture_output=True, text=True).stdout
    stacks, tid = {}, None
    for line in text.splitlines():
        if match := re.match(r"TID (\d+):", line):
            tid = int(match[1])
            stacks[tid] = []
        elif match := re.match(r"#\d+\s+0x([0-9a-f]+)", line):
            stacks[tid].append(int(match[1], 16))
    return stacks


def gdb(pid):
    text = subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-x", os.path.join(HERE, "gdb_frames.py")],
                          capture_output=True, text=True).stdout
    stacks = {}
    for line in text.splitlines():
        if line.startswith("TID "):
            _, tid, *addresses = line.split()
            stack = [int(a, 16) for a in addresses]
            while stack and stack[-1] == 0:  # gdb's "no caller"
                stack.pop()
            stacks[int(tid)] = stack
    return stacks


def compare(mine, theirs):
    if not theirs or not mine:
        return "equal" if mine == theirs else "no stack"
    mine, theirs = mine[:FRAMES], theirs[:FRAMES]
    if mine == theirs:
        return "equal"
    if mine[:len(theirs)] == theirs:
        return "ours longer"
    if theirs[:len(mine)] == mine:
        return "theirs longer"
    return "differs"


def measure(build, pid, tool, folder):
    """The best answer of some rounds for each thread: those that move are equal in one of them."""
    best, examples = {}, {}
    for _ in range(ROUNDS):
        mine, theirs = ours(build, pid, folder), tool(pid)
        for tid in set(mine) & set(theirs):
            kind = compare(mine[tid], theirs[tid])
            if best.get(tid) != "equal" and (tid not in best or kind == "equal"):
                best[tid], examples[tid] = kind, (mine[tid], theirs[tid])
        if all(kind == "equal" for kind in best.values()):
            break
    return best, examples


def processes_of(pid):
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return [pid] + [int(child) for child in children][:3]


def shown(stack, limit=14):
    return " ".join(f"{pc:x}" for pc in stack[:limit]) + (" …" if len(stack) > limit else "")


def try_program(name, make, build, verbose):
    unexplained = 0
    with tempfile.TemporaryDirectory(prefix="ec-compare-") as folder:
        try:
            process = make(folder)
        except (Missing, OSError, subprocess.CalledProcessError) as problem:
            print(f"{name:<32} not tried: {problem}")
            return None
        try:
            time.sleep(0.3)
            for peer in (eu_stack, gdb):
                best, examples = {}, {}
                for pid in processes_of(process.pid):
                    some, seen = measure(build, pid, peer, folder)
                    best.update(some)
                    examples.update(seen)
                kinds = {kind: sum(k == kind for k in best.values()) for kind in sorted(set(best.values()))}
                frames = sum(len(mine) for mine, _ in examples.values())
                print(f"{name:<32} {peer.__name__:<9} {len(best):>5} threads {frames:>7} frames  "
                      + ", ".join(f"{n} {kind}" for kind, n in kinds.items()))
                for kind in kinds:
                    if kind == "equal":
                        continue
                    reason = ACCEPTED.get((name, peer.__name__, kind))
                    print(f"{'':<34}{kind}: {reason or 'NOT EXPLAINED'}")
                    unexplained += not reason
                    if verbose or not reason:
                        for tid in [t for t in best if best[t] == kind][:2 if not verbose else 99]:
                            print(f"      {tid} ours   {shown(examples[tid][0])}\n      {tid} theirs {shown(examples[tid][1])}")
                sys.stdout.flush()
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--only", action="append")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    results = [try_program(name, make, options.build, options.verbose) for name, make in table(options.build).items()
               if not options.only or name in options.only]
    tried = [r for r in results if r is not None]
    print(f"{len(tried)} programs, {len(results) - len(tried)} not tried, {sum(tried)} kinds of difference not explained")
    sys.exit(1 if sum(tried) else 0)


main()
