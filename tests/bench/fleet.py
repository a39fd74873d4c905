"""1,000 image repositories with a policy each, in one registry: at a limit of requests, at rest, after a restart."""
import os, re, signal, subprocess, sys, tempfile, time
from contextlib import contextmanager

from measure import CLEAN, Side, Verdict, amount, run
from registry import Registry
from seed import policies

REPOSITORIES = 1000
TAGS = 100
LATENCY = 20
PER_SECOND = 200
# What a token bucket may let through beside: a tenth, the default.
BURST = PER_SECOND // 10
IDLE_MIB = 40
EVERY = "1m"


def measure(table, binary, program, idle_seconds, work):
    limit(table, binary, program, work)
    idle(table, binary, program, idle_seconds, work)
    restart(table, binary, program, work)


@contextmanager
def fleet(program, interval, work):
    """A registry, and the words that sync all its repositories."""
    with tempfile.TemporaryDirectory(dir=work) as folder, Registry(program(), TAGS, latency=LATENCY) as registry:
        path = os.path.join(folder, "objects.yaml")
        with open(path, "w") as f:
            f.write(policies(registry.address, REPOSITORIES, interval))
        yield registry, ["sync", "--objects", path, "--state", os.path.join(folder, "state")], folder


def limit(table, binary, program, work):
    """One `sync` of all repositories, beside the time that so many requests take at the limit."""
    name = f"registry, limit: {REPOSITORIES} repositories at {PER_SECOND} requests/s, {LATENCY} ms"
    if not table.wants(name):
        return
    ours, floor, most, count, connections, spans = Side("tagwright", None), Side("requests / limit", None), 0, 0, 0, []
    for _ in range(min(table.runs, 3)):
        with fleet(program, "5m", work) as (registry, sync, folder):
            rules = os.path.join(folder, "registries.yaml")
            with open(rules, "w") as f:
                f.write(f"registries:\n- {{name: bench, api_url: 'http://{registry.address}', limit: {PER_SECOND}}}\n")
            seconds, mib = run([binary, *sync, "--registries", rules], env=os.environ | CLEAN)
            asked = registry.asked()
        ours.seconds.append(seconds); ours.peak_mib = max(ours.peak_mib, mib)
        floor.seconds.append(len(asked.requests) / PER_SECOND)
        most, count = max(most, asked.most_within(1)), len(asked.requests)
        connections = max(connections, asked.connections)
        spans.append(asked.span())
    slowest = max(mine / least for mine, least in zip(ours.seconds, floor.seconds))
    kept = slowest <= 1.1 and most <= PER_SECOND + BURST and count >= REPOSITORIES
    note = (f"{count} requests over {connections} connections, at most {most} in a second, "
            f"{amount(min(spans))} from the first to the last answer")
    verdict = Verdict(f"1.1 × requests / limit, {PER_SECOND} + {BURST} in any second", kept)
    table.keep(name, ours, [floor], verdict, note)


def idle(table, binary, program, seconds, work):
    """A process that finds nothing new: what it uses after its first scans."""
    for interval in ("5m", "1m"):
        name = (f"registry, idle: {REPOSITORIES} repositories of interval {interval}, sync --every {EVERY}, "
                f"{seconds} s: CPU")
        if table.wants(name):
            with fleet(program, interval, work) as (registry, sync, _):
                rest(table, name, [binary, *sync, "--every", EVERY], registry, seconds)


def rest(table, name, command, registry, seconds):
    with running(command) as process:
        first = settle(registry, process)
        start = cpu_seconds(process.pid)
        sleep(process, seconds)
        used, asked, (peak, now) = cpu_seconds(process.pid) - start, registry.asked(), memory_mib(process.pid)
        note = (f"first scans {start:.2f} s and {first} requests, then {len(asked.requests)} requests; "
                f"{now:.0f} MiB at the end")
        table.keep(name, Side("tagwright", None, [used], round(peak, 1)), [Side("wall time", None, [seconds])],
                   Verdict(f"{IDLE_MIB} MiB", peak <= IDLE_MIB), note)


def restart(table, binary, program, work):
    """The process ends and starts again with the same state folder: what is fresh is not asked for."""
    name = f"registry, restart: {REPOSITORIES} repositories, to the end of the first round"
    if not table.wants(name):
        return
    with fleet(program, "1h", work) as (registry, sync, folder):
        command = [binary, *sync, "--every", EVERY, "-o", "json"]
        before, first = first_round(command, registry)
        after, second = first_round(command, registry)
    table.keep(name, Side("tagwright", None, [after]), [Side("the first start", None, [before])],
               Verdict("no request", not second), f"{first} requests, then {second}")


def first_round(command, registry):
    """Seconds from the start to the first report, and the requests until then and a second longer."""
    registry.asked()
    start = time.monotonic()
    with running(command, stdout=subprocess.PIPE) as process:
        report = process.stdout.readline()
        seconds = time.monotonic() - start
        if report.count(b'"latest":{') != REPOSITORIES:
            sys.exit(f"not every policy has a latest image: {report[:2000]}")
        sleep(process, 1)
        return seconds, len(registry.asked().requests)


@contextmanager
def running(command, **more):
    process = subprocess.Popen(command, env=os.environ | CLEAN, **({"stdout": subprocess.DEVNULL} | more))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def settle(registry, process):
    """Waits until every repository was listed and the registry is quiet; gives the number of requests."""
    listed, count, quiet = set(), 0, 0
    while len(listed) < REPOSITORIES or quiet < 2:
        sleep(process, 1)
        asked = [what for *_, what in registry.asked().requests]
        listed |= {re.sub(r"\?.*", "", what) for what in asked if "/tags/list" in what}
        count, quiet = count + len(asked), 0 if asked else quiet + 1
    return count


def sleep(process, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 1))
        if process.poll() is not None:
            sys.exit(f"{' '.join(process.args)} ended by itself: exit {process.returncode}")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    """(the most so far, now)"""
    with open(f"/proc/{pid}/status") as f:
        sizes = dict(line.split(":", 1) for line in f)
    return tuple(int(sizes[key].split()[0]) / 1024 for key in ("VmHWM", "VmRSS"))
