"""Git over http: from changed policies to the commit at the remote, beside the plain `git` client on the same bytes.

One fleet is made for all runs (its making is not timed). Before each run the remote is put back by hard links, and the
state folder by a copy of one whose last round found nothing to do. What `git push` sends is the very commit that
the run before it made, from a clone where its objects are loose, as `git commit` leaves them.
"""
import http.client, os, shutil, signal, subprocess, sys, tempfile, time

from measure import CLEAN, QUIET, Bar, Side, run
from seed import automation, fleet, policies
from server import Server

POLICIES = 10
ROUNDS = 20


class Bench:
    def __init__(self, binary, server, work):
        self.binary, self.server, self.work = binary, server, work
        self.env = os.environ | CLEAN | {"HOME": work}
        self.seed, self.objects, self.state = (self.path(name) for name in ("seed.git", "objects", "state"))
        self.sync = [binary, "sync", "--objects", self.objects, "--state", self.state]

    def path(self, name):
        return os.path.join(self.work, name)

    def git(self, *args):
        return subprocess.run(["git", *args], env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def fill(self, files, commits):
        fleet(self.seed, self.server.address, files, POLICIES, commits)
        os.makedirs(self.objects)
        with open(os.path.join(self.objects, "objects.yaml"), "w") as f:
            f.write(policies(self.server.address, POLICIES) + automation(self.server.url("remote.git")))
        # The clone to push from, and the state after a round that found nothing.
        self.copy("seed.git", "clone.git")
        self.git("-C", self.path("clone.git"), "config", "fetch.unpackLimit", "1000000")
        self.copy("seed.git", "remote.git")
        self.server.tags("1.0.0")
        subprocess.run(self.sync, env=self.env, **QUIET)
        shutil.copytree(self.state, self.path("state.kept"))

    def copy(self, source, to):
        shutil.rmtree(self.path(to), ignore_errors=True)
        subprocess.run(["cp", "-al", self.path(source), self.path(to)], check=True)

    def head(self, name):
        return self.git("-C", self.path(name), "rev-parse", "refs/heads/main")

    def put_back(self, state, *tags):
        """The remote at 1.0.0; the state kept or none; the registry with these tags."""
        self.copy("seed.git", "remote.git")
        shutil.rmtree(self.state, ignore_errors=True)
        if state:
            shutil.copytree(self.path("state.kept"), self.state)
        self.server.tags(*tags)

    def update(self, state):
        self.put_back(state, "1.0.0", "1.0.1")
        taken = run(self.sync, env=self.env)
        if self.head("remote.git") == self.head("seed.git"):
            sys.exit("nothing was pushed")
        return taken

    def push(self):
        """`git push` of what the last update made, to another copy."""
        clone = self.path("clone.git")
        self.copy("seed.git", "mirror.git")
        subprocess.run(["git", "-C", clone, "fetch", "-q", self.path("remote.git"), "+main:refs/heads/made"],
                       env=self.env, **QUIET)
        taken = run(["git", "-C", clone, "push", "-q", self.server.url("mirror.git"), "made:main"], env=self.env)
        assert self.head("mirror.git") == self.head("remote.git")
        return taken

    def fetch(self):
        """`git fetch` of the whole history into a new bare repository."""
        folder = self.path("fetched.git")
        shutil.rmtree(folder, ignore_errors=True)
        self.git("init", "-q", "--bare", folder)
        return run(["git", "-C", folder, "fetch", "-q", self.server.url("remote.git"), "main"], env=self.env)

    def by_hand(self):
        self.put_back(False, "1.0.0", "1.0.1")
        clone = self.path("worktree")
        shutil.rmtree(clone, ignore_errors=True)
        return run(["sh", "-ec", f"git clone -q --depth 1 {self.server.url('remote.git')} {clone}; cd {clone}; "
                    "grep -rlF '$imagepolicy' . | xargs sed -i 's#\\(acme/web-[0-9]*\\):1.0.0#\\1:1.0.1#'; "
                    "git commit -qam x; git push -q"], env=self.env)

    def listed(self, server_seconds):
        """One `git ls-remote`; adds the server's part to the list."""
        self.server.requests()
        taken = run(["git", "ls-remote", self.server.url("remote.git")], env=self.env)
        server_seconds.append(self.server.seconds())
        return taken

    def unchanged(self, server_seconds):
        self.server.requests()
        taken = run(self.sync, env=self.env)
        asked = self.server.requests()
        server_seconds.append(sum(end - start for start, end, _, _ in asked))
        if [what for *_, what in asked if ".git" in what] != ["GET /remote.git/info/refs?service=git-upload-pack"]:
            sys.exit(f"a run without news asked {asked}")
        return taken

    def rounds(self):
        """What one round costs within a process: from one listing to the next, less the wait between rounds."""
        self.server.requests()
        process = subprocess.Popen([*self.sync, "--every", "100ms"], env=self.env, stdout=subprocess.DEVNULL)
        asked = []
        while len(listings(asked)) <= ROUNDS:
            if process.poll() is not None:
                sys.exit("sync --every ended by itself")
            asked += self.server.requests()
        with open(f"/proc/{process.pid}/status") as f:
            peak = next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))
        process.send_signal(signal.SIGTERM)
        process.wait()
        starts = [start for start, *_ in listings(asked)]
        costs = [after - before - 0.1 for before, after in zip(starts, starts[1:])]
        served = sum(end - start for start, end, *_ in asked) / len(starts)
        return costs, peak, served


def listings(asked):
    return [request for request in asked if "info/refs" in request[3]]


def measure(table, binary, files, commits, work):
    """All scenarios over one fleet. `update` and `unchanged` are the words to select them by."""
    shape = f"{files} files, {commits} commits"
    names = {key: f"http, {words}: {shape}" for key, words in
             {"warm": "update 1000 values, warm", "cold": "update 1000 values, cold", "same": "unchanged",
              "round": "unchanged, per round of one process"}.items()}
    if not table.wants(*names.values()):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder, Server(folder) as server:
        bench = Bench(binary, server, folder)
        bench.fill(files, commits)
        by_hand = ("git clone --depth 1, sed, commit, push", bench.by_hand)
        table.measure(names["warm"], lambda: bench.update(True), ("git push", bench.push), by_hand,
                      bar=Bar(0.25, over="git push", mib=100))
        table.measure(names["cold"], lambda: bench.update(False), ("git fetch", bench.fetch), by_hand,
                      bar=Bar(1, over="git fetch", mib=100))
        bench.put_back(True, "1.0.0")
        ours, theirs = [], []
        note = lambda: f"server's part {least(ours)} and {least(theirs)}"
        table.measure(names["same"], lambda: bench.unchanged(ours), ("git ls-remote", lambda: bench.listed(theirs)),
                      bar=Bar(0.015, over="git ls-remote"), note=note, runs=max(table.runs, 10))
        per_round(table, names["round"], bench)


def per_round(table, name, bench):
    if not table.wants(name):
        return
    costs, peak, served = bench.rounds()
    theirs = Side("server's part", None, [served])
    table.keep(name, Side("tagwright", None, costs, round(peak, 1)), [theirs], Bar(0.015, over=theirs.name))


def least(seconds):
    return f"{min(seconds) * 1000:.1f} ms"


def overhead(table, work):
    """What the server of these benchmarks adds to the Git process that it starts."""
    name = "http, the server itself: one listing"
    if not table.wants(name):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder, Server(folder) as server:
        subprocess.run(["git", "init", "--bare", os.path.join(folder, "empty.git")], **QUIET)
        backend = os.path.join(subprocess.check_output(["git", "--exec-path"], text=True).strip(), "git-http-backend")
        query = {"PATH_INFO": "/empty.git/info/refs", "QUERY_STRING": "service=git-upload-pack", "REQUEST_METHOD": "GET",
                 "GIT_PROJECT_ROOT": folder, "GIT_HTTP_EXPORT_ALL": "1"}
        connection = http.client.HTTPConnection(server.address)

        def ask():
            start = time.perf_counter()
            connection.request("GET", "/empty.git/info/refs?service=git-upload-pack")
            connection.getresponse().read()
            return time.perf_counter() - start, 0

        table.measure(name, ask, ("git http-backend, started by hand", lambda: run([backend], env=os.environ | query)),
                      runs=max(table.runs, 20))
