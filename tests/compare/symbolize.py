#!/usr/bin/env python3
"""Names, lines and inlined functions of random addresses, ours against llvm-symbolizer and addr2line.

    tests/compare/symbolize.py EMERGENCY_COLLECT FILE … [--addresses 5000]

Every difference gets a class by name; an unexplained one is shown and ends with exit code 1. The addresses are random ones in
the functions of each FILE, which has debug information.
"""
import argparse, collections, os, random, re, subprocess, sys


def functions_of(file):
    found = []
    for line in subprocess.run(["nm", "-S", "--defined-only", file], capture_output=True, text=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwW" and int(fields[1], 16) > 0:
            found.append((int(fields[0], 16), int(fields[1], 16), fields[3]))
    if not found:
        sys.exit(f"{file}: no functions in its symbol table")
    return found


def answers(command, addresses):
    """address → [(function, file, line)], innermost first. Output as of addr2line -a -f -i, without -C."""
    text = subprocess.run(command, input="".join(f"{a:#x}\n" for a in addresses), capture_output=True, text=True,
                          errors="replace", timeout=1200).stdout
    found, current = {}, []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if re.fullmatch("0x[0-9a-f]+", lines[at]):
            current = found[int(lines[at], 16)] = []
            at += 1
        elif not lines[at]:
            at += 1
        else:
            place = re.sub(r" \(discriminator \d+\)$", "", lines[at + 1] if at + 1 < len(lines) else "??:0")
            path, _, line = place.rpartition(":")
            current.append((lines[at], path, int(line) if line.isdigit() else 0))
            at += 2
    return found


def plain(path):
    return os.path.normpath(path) if path not in ("", "??") else ""


def is_unknown(frames):
    return all(function in ("", "??") and line == 0 for function, path, line in frames)


def difference(ours, theirs, symbols):
    """`symbols`: those that cover the address. Class of a difference, None when there is none, "unexplained" when it has no class."""
    places = [[(plain(path), line) for _, path, line in each] for each in (ours, theirs)]
    functions = [[function for function, _, _ in each] for each in (ours, theirs)]
    if places[0] == places[1] and functions[0] == functions[1]:
        return None
    if is_unknown(theirs):
        return None if is_unknown(ours) else "it knows nothing here"
    if is_unknown(ours):
        return "unexplained"
    if places[0] == places[1]:
        if functions[0][:-1] == functions[1][:-1]:
            return "the outermost function has another name in the symbol table (clone, alias)"
        if all(a == b or b in symbols or a in symbols for a, b in zip(*functions)):
            return "it gives an inlined function the name of the symbol around it"
        short = all(a == b or b in ("", "??") or b in a for a, b in zip(*functions))
        return "it shows the short name of an inlined function" if short else "unexplained"
    lines = [line for _, line in places[0]], [line for _, line in places[1]]
    if lines[0] == lines[1]:
        names = [[os.path.basename(path) for path, _ in each] for each in places]
        if names[0] == names[1]:
            return "the same file by another path"
        if all(a == b or (a[0] == "" and a[1] == 0) for a, b in zip(*places)):
            return "it shows the name of the unit where no file is known"
        if any(not path for path, _ in places[1]):
            return "it leaves out a file"
        return "it takes a file's name from another table"
    if 0 in lines[0] + lines[1] and len(lines[0]) == len(lines[1]):
        if all(a == b or 0 in (a, b) for a, b in zip(*lines)):
            return "a line that the compiler left open (0)"
    if len(lines[1]) < len(lines[0]) and lines[0][0] == lines[1][0] and lines[1] == lines[0][:len(lines[1])]:
        return "it leaves out inlined calls"
    if len(lines[1]) < len(lines[0]) and set(lines[1]) <= set(lines[0]):
        return "it leaves out inlined calls"
    return "unexplained"


def compare(collect, file, count):
    functions = functions_of(file)
    choice = random.Random(7)
    aliases = collections.defaultdict(set)
    for start, _, name in functions:
        aliases[start].add(name)
    symbols = {start + choice.randrange(size): aliases[start] for start, size, _ in choice.choices(functions, k=count)}
    addresses = sorted(symbols)
    ours = answers([collect, "symbolize", "-a", "-f", "-i", "-e", file], addresses)
    unexplained = 0
    for tool, command in {"llvm-symbolizer": ["llvm-symbolizer", "-a", "--inlines", "--no-demangle", "--output-style=GNU", "--obj", file],
                          "addr2line": ["addr2line", "-a", "-f", "-i", "-e", file]}.items():
        theirs = answers(command, addresses)
        classes, shown = collections.Counter(), collections.Counter()
        for address in addresses:
            kind = difference(ours.get(address, []), theirs.get(address, []), symbols[address])
            classes[kind or "equal"] += 1
            if kind == "unexplained" and shown[kind] < 5:
                shown[kind] += 1
                print(f"  {address:#x}\n    ours   {ours.get(address)}\n    theirs {theirs.get(address)}")
        unexplained += classes["unexplained"]
        print(f"{os.path.basename(file)} against {tool}: " + ", ".join(f"{n} {kind}" for kind, n in classes.most_common()))
    return unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collect")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--addresses", type=int, default=5000)
    options = parser.parse_args()
    sys.exit(1 if sum([compare(options.collect, file, options.addresses) for file in options.files]) else 0)


main()
