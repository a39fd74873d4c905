"""A process with the servers that the benchmarks talk to: `git http-backend` behind HTTP, and a small registry.

usage: server.py ROOT LOG. Prints its port. `/v2/NAME/tags/list` answers with the lines of ROOT/tags; every other path is
a Git repository below ROOT. Each request becomes a line of LOG: start and end (time.monotonic), the seconds that Git
itself took, method and path.

It is a process of its own, so that the script that measures does not share an interpreter lock with it. Answers go
out in one write where they fit, without waiting for the peer (no Nagle), on connections that are kept.
"""
import json, os, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 16


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20

    def handle_one_request(self):
        # The time starts when the request is there, not when the connection waits for one.
        self.start = None
        super().handle_one_request()

    def parse_request(self):
        self.start = time.monotonic()
        return super().parse_request()

    def do_GET(self):
        self.answer()

    do_POST = do_HEAD = do_GET

    def answer(self):
        git_seconds = 0
        if self.path.startswith("/v2/"):
            self.registry()
        else:
            git_seconds = self.git()
        self.wfile.flush()
        note(f"{self.start:.6f} {time.monotonic():.6f} {git_seconds:.6f} {self.command} {self.path}\n")

    def registry(self):
        with open(os.path.join(ROOT, "tags")) as f:
            body = json.dumps({"name": self.path.split("/tags/")[0][4:], "tags": f.read().split()}).encode()
        self.begin(200, [("Content-Type", "application/json")], len(body))
        self.wfile.write(body)

    def git(self):
        """The request as CGI (RFC 3875); its body is read first, into memory that can be a child's standard input."""
        body, length = self.body()
        path, _, query = self.path.partition("?")
        header = lambda name: self.headers.get(name) or ""
        environment = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                       "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": header("Content-Type"),
                       "CONTENT_LENGTH": str(length), "HTTP_CONTENT_ENCODING": header("Content-Encoding"),
                       "GIT_PROTOCOL": header("Git-Protocol"), "REMOTE_ADDR": "127.0.0.1", "REMOTE_USER": "bench",
                       "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        start = time.monotonic()
        child = subprocess.Popen(BACKEND, stdin=body, stdout=subprocess.PIPE, env=environment)
        os.close(body)
        self.pass_on(child.stdout)
        child.wait()
        return time.monotonic() - start

    def body(self):
        file, length = os.memfd_create("request"), 0
        for piece in self.pieces():
            os.write(file, piece)
            length += len(piece)
        os.lseek(file, 0, os.SEEK_SET)
        return file, length

    def pieces(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        elif length := int(self.headers.get("Content-Length") or 0):
            yield self.rfile.read(length)

    def pass_on(self, output):
        head, status, headers = b"", 200, []
        while b"\r\n\r\n" not in head:
            head += output.read1(PIECE) or sys.exit("git http-backend gave no headers")
        head, _, first = head.partition(b"\r\n\r\n")
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value[:3])
            else:
                headers.append((name, value))
        first += output.read(PIECE)
        if len(first) < PIECE:
            self.begin(status, headers, len(first))
            self.wfile.write(first)
            return
        self.begin(status, headers, None)
        while first:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(first), first))
            first = output.read1(PIECE)
        self.wfile.write(b"0\r\n\r\n")

    def begin(self, status, headers, length):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header(*(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))))
        self.end_headers()

    def log_message(self, *_):
        pass


def note(line):
    with LOCK:
        LOG.write(line)
        LOG.flush()


class Server:
    """The process, seen from the script."""

    def __init__(self, root):
        self.root, self.log = root, os.path.join(root, "requests.log")
        open(self.log, "w").close()
        self.process = subprocess.Popen([sys.executable, __file__, root, self.log], stdout=subprocess.PIPE, text=True)
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"
        self.read_to = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def url(self, name):
        return f"http://{self.address}/{name}"

    def tags(self, *tags):
        with open(os.path.join(self.root, "tags"), "w") as f:
            f.write("\n".join(tags))

    def requests(self):
        """(start, end, seconds of Git, "METHOD /path") of each request since the last call."""
        # The last line is written when its answer has left.
        time.sleep(0.02)
        with open(self.log) as f:
            f.seek(self.read_to)
            lines = f.read().splitlines()
            self.read_to = f.tell()
        split = (line.split(" ", 3) for line in lines)
        return [(float(start), float(end), float(git), what) for start, end, git, what in split]

    def seconds(self):
        """How long the requests since the last call were with the server, all together."""
        return sum(end - start for start, end, _, _ in self.requests())


if __name__ == "__main__":
    ROOT, LOG, LOCK = sys.argv[1], open(sys.argv[2], "a"), threading.Lock()
    # Not through `git`, which would be one process more.
    BACKEND = [os.path.join(subprocess.check_output(["git", "--exec-path"], text=True).strip(), "git-http-backend")]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
