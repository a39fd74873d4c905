"""Times processes, and keeps what was measured as one table.

In: what to run, as callables that give `(seconds, peak MiB)`. Out: rows of raw numbers, printed as they come.
The peak is that of the largest single process, as wait4 tells it; the kernel starts a child's figure at the size of
this script, so that less than some 20 MiB cannot be seen.
"""
import os, shutil, statistics, subprocess, sys, tempfile, time
from dataclasses import dataclass, field

# Nothing of the machine's Git settings shows through.
CLEAN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
         **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "T"), ("EMAIL", "t@example.com"))}}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}


def needed(program):
    """Where it is. Those named in this folder are Debian packages of the same name."""
    return shutil.which(program) or sys.exit(f"{program} is missing\nhint: apt-get install {program}")


def run(args, **more):
    """(seconds, peak MiB) of one process and those that it waited for."""
    start = time.perf_counter()
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)
    talk = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(args)}: exit {process.returncode}\n{talk.decode()[-2000:]}")
    return seconds, usage.ru_maxrss / 1024


def lean(args):
    """(seconds, peak MiB), without the floor of `run`, of a process that GNU time starts: it is small itself."""
    with tempfile.NamedTemporaryFile("r") as file:
        seconds, _ = run([needed("time"), "-f", "%M", "-o", file.name, *args])
        return seconds, int(file.read().split()[-1]) / 1024


@dataclass
class Side:
    """One of the things that are compared, with all its runs."""
    name: str
    act: object = field(repr=False)
    seconds: list = field(default_factory=list)
    peak_mib: float = 0

    def once(self):
        seconds, mib = self.act()
        self.seconds.append(seconds)
        self.peak_mib = round(max(self.peak_mib, mib), 1)

    def raw(self):
        return {"name": self.name, "seconds": self.seconds, "peak_mib": self.peak_mib}


@dataclass
class Bar:
    """What the first side may need: in all, or on top of so many times the side `over`."""
    seconds: float = 0
    over: str = ""
    mib: float = None
    times: float = 1
    # Of memory alone, on top of that of the side `over`.
    mib_over: float = None
    # Of memory alone, as a multiple of that of the side `over`.
    mib_times: float = None

    def __str__(self):
        if self.mib_times:
            return f"{self.mib_times:.3g} × the memory of {self.over}"
        if self.mib_over:
            return f"{self.mib_over:.0f} MiB over {self.over}"
        if self.times != 1:
            return f"{self.times:.3g} × {self.over}"
        memory = f", {self.mib} MiB" if self.mib else ""
        return f"{amount(self.seconds)}{' over ' + self.over if self.over else ''}{memory}"

    def is_kept(self, ours, beside):
        if self.mib_times:
            return ours.peak_mib <= self.mib_times * beside[self.over].peak_mib
        if self.mib_over:
            return ours.peak_mib - beside[self.over].peak_mib <= self.mib_over
        base = self.times * statistics.median(beside[self.over].seconds) if self.over else 0
        fits = self.mib is None or ours.peak_mib <= self.mib
        return fits and statistics.median(ours.seconds) - base <= self.seconds


class Bars:
    """All of these."""

    def __init__(self, *bars):
        self.bars = bars

    def __str__(self):
        return ", ".join(map(str, self.bars))

    def is_kept(self, ours, beside):
        return all(bar.is_kept(ours, beside) for bar in self.bars)


@dataclass
class Verdict:
    """A bar that whoever measured has judged already."""
    text: str
    kept: bool

    def __str__(self):
        return self.text

    def is_kept(self, *_):
        return self.kept


class Table:
    HEAD = ("| what | min / median / max | peak MiB | beside | min / median / max | peak MiB | ratio | on top | bar |\n"
            "|---|---|---|---|---|---|---|---|---|")

    def __init__(self, runs, only):
        self.runs, self.only, self.rows = runs, only, []

    def wants(self, *names):
        return any(self.only in name for name in names)

    def measure(self, name, ours, *beside, bar=None, note=lambda: "", runs=None):
        """Runs all sides alternating. `ours` acts; each of `beside` is a pair of name and act."""
        if not self.wants(name):
            return
        ours, beside = Side("tagwright", ours), [Side(*pair) for pair in beside]
        for _ in range(runs or self.runs):
            for side in (ours, *beside):
                side.once()
        self.keep(name, ours, beside, bar, note())

    def keep(self, name, ours, beside, bar=None, note=""):
        row = {"name": name, "ours": ours.raw(), "beside": [side.raw() for side in beside], "note": note}
        if bar:
            kept = bar.is_kept(ours, {side.name: side for side in beside})
            row["bar"] = {"text": str(bar), "kept": kept}
        self.rows.append(row)
        print(lines(row), flush=True)


def lines(row):
    """The row as Markdown: one line for each thing beside."""
    ours, bar, out = row["ours"], row.get("bar"), []
    for place, side in enumerate(row["beside"] or [{"name": "", "seconds": [], "peak_mib": None}]):
        bar_text = f"{bar['text']}: {'kept' if bar['kept'] else 'MISSED'}" if bar and not place else ""
        name = f"{row['name']}{' (' + row['note'] + ')' if row['note'] else ''}" if not place else "″"
        out.append(f"| {name} | {spread(ours['seconds'])} | {size(ours['peak_mib'])} | {side['name']} | "
                   f"{spread(side['seconds'])} | {size(side['peak_mib'])} | {compared(ours, side)} | {bar_text} |")
    return "\n".join(out)


def compared(ours, side):
    if not side["seconds"]:
        return " | "
    mine, other = statistics.median(ours["seconds"]), statistics.median(side["seconds"])
    return f"{mine / other:.2f} | {amount(mine - other)}"


def spread(seconds):
    if not seconds:
        return ""
    return f"{amount(min(seconds))} / {amount(statistics.median(seconds))} / {amount(max(seconds))}"


def amount(seconds):
    return f"{seconds * 1000:.1f} ms" if abs(seconds) < 0.1 else f"{seconds:.3f} s"


def size(mib):
    return f"{mib:.0f}" if mib else ""
