"""The tags of one repository: `scan` beside `skopeo list-tags` and bare loops of the same requests.

Two rows for each case. "registry, scan" is the whole process, with its start and what it prints. "registry, listing" is
the listing alone, as a service does it again and again: by the library, by a loop over a bare socket, and by the same
loop through the same HTTP client; all three in the program that serves the registry, which prints its own time.
"""
import itertools, subprocess

from measure import Bar, lean, needed, run
from registry import Registry

TAGS, PAGES, LATENCIES = (100, 10_000, 100_000), (100, 1000), (0, 20)
# What a listing may cost, as a multiple of the bare loop.
TIMES = 1.05
# Of 100,000 tags, over a scan of one.
MEMORY_MIB = 20e6 / (1 << 20)


def measure(table, binary, program):
    for latency, tags, page in itertools.product(LATENCIES, TAGS, PAGES):
        case = f"{tags} tags, pages of {page}, {latency} ms"
        names = f"registry, scan: {case}", f"registry, listing: {case}"
        if table.wants(*names):
            with Registry(program(), tags, page, latency) as registry:
                # Half a minute a run is waiting alone.
                runs = min(table.runs, 2) if tags // page * latency > 5000 else table.runs
                scan(table, names[0], binary, program(), registry, runs)
                listing(table, names[1], program(), registry, runs)
    memory(table, binary, program)


def scan(table, name, binary, program, registry, runs):
    if not table.wants(name):
        return
    image = f"{registry.address}/acme/web"
    ours, raw = [binary, "scan", image, "--timeout", "600"], [program, "list", "raw", image]
    skopeo = [needed("skopeo"), "list-tags", "--tls-verify=false", f"docker://{image}"]
    (mine, act), (theirs, act_skopeo), (loop, act_loop) = (measured(registry, args) for args in (ours, skopeo, raw))
    same = "the loop the same" if is_same(mine, loop) else f"the loop {loop}"
    table.measure(name, act, ("skopeo list-tags", act_skopeo), ("bare loop", act_loop), runs=runs,
                  note=lambda: f"{mine}, {same}; skopeo {theirs}")


def listing(table, name, program, registry, runs):
    image = f"{registry.address}/acme/web"
    act = lambda how: lambda: (float(subprocess.check_output([program, "list", how, image])), 0)
    part = ("server's part of the loop", lambda: (served(registry, act("raw")), 0))
    through = ("bare loop through the HTTP client", act("client"))
    table.measure(name, act("tagwright"), ("bare loop", act("raw")), through, part,
                  bar=Bar(over="bare loop", times=TIMES), runs=runs)


def memory(table, binary, program):
    name = "registry, memory: scan of 100000 tags"
    if not table.wants(name):
        return
    with Registry(program(), 1) as small, Registry(program(), 100_000) as large:
        act = lambda registry: lambda: lean([binary, "scan", f"{registry.address}/acme/web"])
        table.measure(name, act(large), ("scan of 1 tag", act(small)), runs=3,
                      bar=Bar(over="scan of 1 tag", mib_over=MEMORY_MIB))


def measured(registry, args):
    """What a process asks, and the act of it. The requests and the memory are those of a run of its own."""
    registry.asked()
    _, mib = lean(args)
    return registry.asked(), lambda: (run(args)[0], mib)


def is_same(one, other):
    return [what for *_, what in one.requests] == [what for *_, what in other.requests]


def served(registry, act):
    registry.asked()
    act()
    return sum(end - start for start, end, _ in registry.asked().requests)
