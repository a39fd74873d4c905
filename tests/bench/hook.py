"""From the push of an image to the commit at the Git remote: the real registry notifies `sync --listen`.

`docker-registry` (Debian's, distribution 2.8) tells Tagwright of each push, and this script too, which is what the row
stands beside: no client can know sooner. The time runs from the request that sets the tag to the moved branch of
the remote behind `git http-backend`. Pushes go round ten repositories, so that none comes within a second of the
one before to the same: then scans are put together, on purpose. This registry notifies before it has written the tag,
so that whoever asks at once may see the old list: a push that is never committed ends the bench.
"""
import hashlib, http.client, json, os, random, secrets, socket, subprocess, sys, tempfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fleet import memory_mib, running
from measure import CLEAN, Side, Verdict, amount, needed
from seed import automation, fleet, policies
from server import Server

REPOSITORIES = 10
PUSHES = 110
# Files of the remote; 500 of them are marked.
FILES = 2000
P50, P99 = 0.3, 1.0
TOKEN = secrets.token_hex(32)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"


def measure(table, binary, work):
    name = f"registry, webhook: {PUSHES} pushes of an image, each to the commit at the remote"
    if not table.wants(name):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder, Server(folder) as git, Listener() as heard:
        listen = f"127.0.0.1:{free_port()}"
        with Registry(folder, [f"http://{listen}/hooks/distribution/{TOKEN}", heard.url]) as registry:
            command = [binary, *prepare(folder, git, registry), "--every", "1h", "--listen", listen]
            push(registry, 0, range(REPOSITORIES))
            heard.moments.clear()
            with running([*command, "--hooks", "flux-system/hooks"], stdout=subprocess.DEVNULL) as process:
                wait_until_ready(process, listen)
                taken, told = pushes(folder, registry, heard, process)
                peak, _ = memory_mib(process.pid)
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    kept = p50 <= P50 and p99 <= P99
    table.keep(name, Side("tagwright", None, taken, round(peak, 1)), [Side("the notification alone", None, told)],
               Verdict(f"p50 {amount(P50)}, p99 {amount(P99)}", kept), f"p50 {amount(p50)}, p99 {amount(p99)}")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def prepare(folder, git, registry):
    """The remote, the objects, the hook's Secret; gives the words of `sync`."""
    path = lambda *names: os.path.join(folder, *names)
    fleet(path("remote.git"), registry.address, FILES, REPOSITORIES)
    for name in ("objects", "hooks"):
        os.makedirs(path(name))
    with open(path("objects", "objects.yaml"), "w") as f:
        f.write(policies(registry.address, REPOSITORIES, "1h") + automation(git.url("remote.git")))
    with open(path("hooks", "token"), "w") as f:
        f.write(TOKEN)
    secret = f"flux-system/hooks={path('hooks')}"
    return ["sync", "--objects", path("objects"), "--state", path("state"), "--secret", secret]


def wait_until_ready(process, listen):
    """The first round is done when `/readyz` says so."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            connection = http.client.HTTPConnection(listen, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("sync --listen did not become ready")


def pushes(folder, registry, heard, process):
    """Seconds of each push: until the branch moved, and until the script itself was notified."""
    remote, taken, told, rand = os.path.join(folder, "remote.git"), [], [], random.Random(1)
    for number in range(1, PUSHES + 1):
        # No rhythm that could fall in with another.
        time.sleep(rand.uniform(0.15, 0.3))
        before, repository = tip(remote), number % REPOSITORIES
        start = push(registry, number, [repository])
        moved = await_move(remote, before, process)
        taken.append(moved - start)
        told.append(heard.moments[f"acme/web-{repository}", tag(number)] - start)
        changed = git(remote, "log", "-1", "--format=%B", "main")
        if f"web-{repository}:{tag(number)}" not in changed:
            sys.exit(f"push {number} was not what was committed:\n{changed}")
    return taken, told


def await_move(remote, before, process):
    end = time.monotonic() + 30
    while tip(remote) == before:
        if time.monotonic() > end or process.poll() is not None:
            sys.exit("no commit within 30 s of a push")
        time.sleep(0.0005)
    return time.monotonic()


def tip(remote):
    """Git itself would take longer than what is measured."""
    try:
        with open(os.path.join(remote, "refs/heads/main")) as f:
            return f.read().strip()
    except FileNotFoundError:
        return git(remote, "rev-parse", "refs/heads/main").strip()


def git(remote, *args):
    return subprocess.run(["git", "-C", remote, *args], env=os.environ | CLEAN, check=True, capture_output=True,
                          text=True).stdout


def tag(number):
    return f"1.0.{number}"


def push(registry, number, repositories):
    """Pushes an image of one small layer by plain calls; gives the moment before the call that set the last tag."""
    for repository in repositories:
        name, layer = f"acme/web-{repository}", f"layer {number}".encode()
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"n": str(number)}}}).encode()
        described = lambda kind, blob: {"mediaType": kind, **registry.upload(name, blob)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, config),
                    "layers": [described(LAYER, layer)]}
        body, start = json.dumps(manifest).encode(), time.monotonic()
        registry.call("PUT", f"/v2/{name}/manifests/{tag(number)}", body, {"Content-Type": MANIFEST})
    return start


class Registry:
    """`docker-registry` with its files below `folder`, notifying these URLs."""

    def __init__(self, folder, urls):
        self.address = f"127.0.0.1:{free_port()}"
        endpoint = lambda n, url: {"name": f"n{n}", "url": url, "timeout": "5s", "threshold": 10, "backoff": "100ms"}
        # JSON is YAML.
        settings = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": os.path.join(folder, "registry")}},
                    "http": {"addr": self.address, "secret": "bench"},
                    "notifications": {"endpoints": [endpoint(n, url) for n, url in enumerate(urls)]}}
        path = os.path.join(folder, "registry.yml")
        with open(path, "w") as f:
            json.dump(settings, f)
        command = [needed("docker-registry"), "serve", path]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connection = None

    def __enter__(self):
        end = time.monotonic() + 30
        while True:
            try:
                self.connection = http.client.HTTPConnection(self.address)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    sys.exit("docker-registry did not start")
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def call(self, method, path, body=b"", headers={}):
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status}")
        return answer.headers

    def upload(self, name, blob):
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        place = self.call("POST", f"/v2/{name}/blobs/uploads/")["Location"].removeprefix(f"http://{self.address}")
        self.call("PUT", f"{place}&digest={digest}", blob, {"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(blob)}


class Listener:
    """Notes when it hears of each image, by repository and tag."""

    def __enter__(self):
        listener, self.moments = self, {}

        class Heard(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                now = time.monotonic()
                for event in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["events"]:
                    if event["action"] == "push" and (name := event["target"].get("tag")):
                        listener.moments[event["target"]["repository"], name] = now
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Heard)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
