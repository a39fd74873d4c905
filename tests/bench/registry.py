"""The registry that the benchmarks talk to: `registry.rs`, a process of its own, seen from the script."""
import bisect, subprocess, urllib.request
from dataclasses import dataclass


@dataclass
class Asked:
    """What the registry was asked, as it counted it itself."""
    connections: int
    bytes_in: int
    bytes_out: int
    # (start, end, "METHOD /path"), in seconds, in the order of the answers
    requests: list

    def __str__(self):
        return f"{len(self.requests)} requests, {self.bytes_out / 1e6:.2f} MB"

    def most_within(self, seconds):
        """The most requests that began within any such time."""
        starts = sorted(start for start, *_ in self.requests)
        return max((bisect.bisect_left(starts, start + seconds) - n for n, start in enumerate(starts)), default=0)

    def span(self):
        """From the first request to the last answer."""
        return max(end for _, end, _ in self.requests) - min(start for start, *_ in self.requests)


class Registry:
    """`tags` in every repository, at most `page` of them in an answer, each answer after `latency` milliseconds."""

    def __init__(self, program, tags, page=1000, latency=0):
        args = [program, "serve", str(tags), str(page), str(latency)]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def asked(self):
        """Everything since the last call."""
        with urllib.request.urlopen(f"http://{self.address}/requests") as answer:
            first, *lines = answer.read().decode().splitlines()
        split = (line.split(" ", 2) for line in lines)
        requests = [(int(start) / 1e6, int(end) / 1e6, what) for start, end, what in split]
        return Asked(*map(int, first.split()), requests)
