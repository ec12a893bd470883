"""What the benchmarks share: targets, tools, and what these used."""
import os, shutil, subprocess, sys, time


class Target:
    """A program that says "ready", then answers each line of its standard input with numbers. As a service it has a session,
    and so a share of the CPUs, of its own (sched(7), autogroup): a hundred busy threads in ours would leave a tool nothing."""

    def __init__(self, *words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("the target did not start")
        self.pid = str(self.process.pid)

    def numbers(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def start(words, out=subprocess.DEVNULL, **more):
    return subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL, **more)


def end(process):
    """Waits for its end: CPU seconds and the most memory in MiB, with those of its children that it waited for; exit code."""
    _, status, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def run(words, expected=None, **more):
    """Wall seconds, then as end(). The benchmark ends when `expected` are exit codes and its is another one."""
    before = time.monotonic()
    cpu, memory, status = end(start(words, **more))
    wall = time.monotonic() - before
    if expected is not None and status not in expected:
        sys.exit(f"{words[0]} failed")
    return wall, cpu, memory, status


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: scripts/packages bench")


def compiled(source, folder, *flags):
    """A program in C beside this file."""
    program = os.path.join(folder, source.removesuffix(".c"))
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run(["cc", "-O2", *flags, "-o", program, os.path.join(here, source)], check=True)
    return program
