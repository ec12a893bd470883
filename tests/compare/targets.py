"""The programs that the stacks of three tools are compared on. Each row starts one in a folder of its own and gives its
process, or says why it cannot be tried here."""
import glob, os, pwd, shutil, socket, subprocess, time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")


class Missing(Exception):
    pass


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Missing(f"{tool} is not installed")


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Missing(f"{what} did not come up within {seconds} s")
        time.sleep(0.1)


def start(words, folder, **more):
    log = open(os.path.join(folder, "log"), "w")
    return subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)


def ready(process, folder, seconds=30):
    def said():
        if process.poll() is not None:
            raise Missing(f"ended with {process.returncode}: {open(os.path.join(folder, 'log')).read()[-300:]}")
        return "ready" in open(os.path.join(folder, "log")).read()
    wait_for(said, "the program", seconds)
    return process


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def built(source, compiler, *flags, arguments=()):
    def make(folder):
        need(compiler)
        binary = os.path.join(folder, "program")
        subprocess.run([compiler, "-O1", "-pthread", "-o", binary, os.path.join(PROGRAMS, source), *flags], check=True,
                       capture_output=True)
        return ready(start([binary, *arguments], folder), folder)
    return make


def redis(folder):
    need("redis-server")
    port = free_port()
    process = start(["redis-server", "--port", str(port), "--save", ""], folder)
    wait_for(lambda: listening(port), "redis")
    return process


def nginx(folder):
    need("nginx")
    port = free_port()
    with open(os.path.join(folder, "conf"), "w") as conf:
        conf.write(f"daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 2; user root;\n"
                   f"events {{}} http {{ access_log off; server {{ listen 127.0.0.1:{port}; }} }}\n")
    process = start(["nginx", "-c", os.path.join(folder, "conf"), "-p", folder], folder)
    wait_for(lambda: listening(port), "nginx")
    return process


def nobody():
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid} if os.getuid() == 0 else {}


def postgres(folder):
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not places:
        raise Missing("postgresql is not installed")
    os.chmod(folder, 0o777)
    data, port = os.path.join(folder, "data"), free_port()
    subprocess.run([places[-1] + "/initdb", "-D", data, "-A", "trust"], check=True, capture_output=True, cwd="/", **nobody())
    process = start([places[-1] + "/postgres", "-D", data, "-p", str(port), "-k", folder], folder, **nobody())
    wait_for(lambda: listening(port), "postgres")
    return process


def mariadb(folder):
    need("mariadbd", "mariadb-install-db")
    os.chmod(folder, 0o777)
    data, port = os.path.join(folder, "data"), free_port()
    subprocess.run(["mariadb-install-db", "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal"],
                   check=True, capture_output=True, cwd="/", **nobody())
    process = start(["mariadbd", "--no-defaults", "--datadir=" + data, f"--port={port}", f"--socket={folder}/socket",
                     "--thread-handling=pool-of-threads"], folder, **nobody())
    wait_for(lambda: listening(port), "mariadb", 60)
    return process


def java(folder):
    need("java", "javac")
    subprocess.run(["javac", "-d", folder, os.path.join(PROGRAMS, "Waits.java")], check=True, capture_output=True)
    return ready(start(["java", "-Xmx64m", "-cp", folder, "Waits"], folder), folder, 60)


def node(folder):
    need("node")
    return ready(start(["node", os.path.join(PROGRAMS, "waits.js")], folder), folder)


def python(folder):
    return ready(start(["/usr/bin/python3", os.path.join(PROGRAMS, "waits.py")], folder), folder)


def go(*flags):
    def make(folder):
        need("go")
        binary = os.path.join(folder, "program")
        environment = dict(os.environ, GOCACHE=os.path.join(folder, "cache"), GO111MODULE="off", GOFLAGS="")
        subprocess.run(["go", "build", "-o", binary, *flags, os.path.join(PROGRAMS, "waits.go")], check=True,
                       capture_output=True, env=environment)
        return ready(start([binary], folder), folder)
    return make


def heavy(build, threads):
    def make(folder):
        process = subprocess.Popen([os.path.join(build, "targets", "heavy"), str(threads), "10", "10"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline().strip() != "ready":
            raise Missing("heavy did not start")
        return process
    return make


def table(build):
    no_cfi = ("-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions")
    return {
        "postgres": postgres,
        "redis": redis,
        "nginx": nginx,
        "mariadb, thread pool": mariadb,
        "node": node,
        "java": java,
        "python": python,
        "go": go(),
        "go, stripped": go("-ldflags=-s -w"),
        "gcc": built("waits.c", "gcc"),
        "gcc -static": built("waits.c", "gcc", "-static"),
        "musl": built("waits.c", "musl-gcc"),
        "musl, static": built("waits.c", "musl-gcc", "-static"),
        "frame pointers, no CFI": built("waits.c", "gcc", *no_cfi, "-fno-omit-frame-pointer"),
        "debug_frame only": built("waits.c", "gcc", *no_cfi, "-fomit-frame-pointer", "-g"),
        "clang and lld": built("waits.c", "clang", "-fuse-ld=lld", "-Wl,--rosegment"),
        "20,000 frames": built("deep.c", "gcc", arguments=("20000",)),
        "nested signals, alternate stack": built("altstack.c", "gcc"),
        "1,000 threads": heavy(build, 1000),
    }
