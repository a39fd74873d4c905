"""`build` beside kustomize itself: large roots, many small ones, and a second build of a repository.

kustomize is the user's own: the program that KUSTOMIZE names, or `kustomize` of PATH; without one our side is measured
alone. Every row says whether both printed the same.
"""
import functools, os, shutil, subprocess, tempfile

import overlays
from measure import Bar, Bars, lean
from seed import Import

LARGE, SMALL = 4000, 300
# The part of kustomize's time and memory that may be needed, and the seconds for the large root.
TIMES, MEMORY = 1 / 100, 1 / 3
LARGE_BAR = Bars(Bar(over="kustomize", times=TIMES), Bar(0.3), Bar(over="kustomize", mib_times=MEMORY))
# Ten times the resources may cost this many times as much.
LINEAR = 12
# kustomize takes half a minute for the large roots.
RUNS = 2


def measure(table, binary, program, work):
    with tempfile.TemporaryDirectory(dir=work) as folder:
        large(table, binary, folder)
        linear(table, binary, folder)
        small(table, binary, program, folder)


@functools.cache
def peer():
    found = os.environ.get("KUSTOMIZE") or shutil.which("kustomize")
    if not found:
        print("kustomize is missing: `build` is measured alone\nhint: put it on PATH, or name it in KUSTOMIZE")
    return found


@functools.cache
def large_roots(folder, resources):
    """The root of each overlay by its name; they are written when they are first asked for."""
    top = os.path.join(folder, f"large-{resources}")
    files, folders = overlays.large(resources)
    overlays.write(top, files)
    return {name: os.path.join(top, overlay) for name, overlay in folders.items()}


def large(table, binary, folder):
    for resources in (LARGE // 10, LARGE):
        names = {overlay: f"build: {resources} resources, {overlay}" for overlay in overlays.OVERLAYS}
        if not table.wants(*names.values()):
            continue
        roots = large_roots(folder, resources)
        bar = LARGE_BAR if resources == LARGE else None
        for overlay, name in names.items():
            if table.wants(name):
                compare(table, name, binary, [roots[overlay]], bar, min(table.runs, RUNS))


def linear(table, binary, folder):
    """Ten times as much, beside our own figure for a tenth: kustomize would take an hour."""
    overlay = "everything and 100 replacements"
    name = f"build: {10 * LARGE} resources, {overlay}"
    if not table.wants(name):
        return
    sides = [build(binary, [large_roots(folder, resources)[overlay]]) for resources in (10 * LARGE, LARGE)]
    tenth = f"{LARGE} resources"
    table.measure(name, sides[0], (tenth, sides[1]), bar=Bar(over=tenth, times=LINEAR))


def small(table, binary, program, folder):
    processes = f"build: {SMALL} small overlays, a process each"
    inside = f"build: {SMALL} small overlays of a Git tree, one process"
    again = f"build again: {SMALL} small overlays after a commit that none of them reads"
    if not table.wants(processes, inside, again):
        return
    files = overlays.small(SMALL)
    top, repository = os.path.join(folder, "small"), os.path.join(folder, "small.git")
    overlays.write(top, files)
    with Import(repository) as history:
        history.commit("seed\n", files.items())
        history.commit("note\n", [("README.md", "Nothing that an overlay reads.\n")])
    roots = [os.path.join(top, "apps", f"{n:03}") for n in range(SMALL)]
    if table.wants(processes):
        bar = Bar(over="kustomize", mib_times=MEMORY)
        compare(table, processes, binary, roots, bar, min(table.runs, RUNS))
    theirs = [("kustomize, a process each", build(peer(), roots))] if peer() else []
    bar = Bar(over="kustomize, a process each", times=TIMES) if peer() else None
    seed = subprocess.check_output(["git", "-C", repository, "rev-parse", "main~1"], text=True).strip()
    for name, words in ((inside, ["first", repository, "apps"]), (again, ["again", repository, "apps", seed])):
        if table.wants(name):
            table.measure(name, timed([program(), *words]), *theirs, bar=bar, runs=min(table.runs, RUNS))


def compare(table, name, binary, roots, bar, runs):
    if not peer():
        table.measure(name, build(binary, roots), runs=runs)
        return
    same = output(binary, roots[-1]) == output(peer(), roots[-1])
    table.measure(name, build(binary, roots), ("kustomize", build(peer(), roots)), bar=bar, runs=runs,
                  note=lambda: "same output" if same else "DIFFERENT OUTPUT")


def output(program, root):
    return subprocess.run([program, "build", root], capture_output=True, check=True).stdout


def build(program, roots):
    """One root after the other: seconds of all, peak of the largest."""
    def act():
        seconds, mib = zip(*(lean([program, "build", root]) for root in roots))
        return sum(seconds), max(mib)
    return act


def timed(args):
    """The program builds all roots of the repository in one process and prints how long that took."""
    return lambda: (float(subprocess.check_output(args)), 0)
