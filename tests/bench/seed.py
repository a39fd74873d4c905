"""What the benchmarks work on: manifests, objects and repositories, made the same way each time."""
import os, random, subprocess

from measure import CLEAN, QUIET

MARKER = '# {"$imagepolicy": "flux-system:%s"}'


def manifest(n, images, size):
    """A Deployment of about `size` bytes in one document; `images` are pairs of image and policy, None for no marker."""
    containers = "".join(f"        - name: c{k}\n          image: {image}{' ' + MARKER % policy if policy else ''}\n"
                         for k, (image, policy) in enumerate(images))
    text = [f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{n}
  namespace: shop
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web-{n}}}}}
  template:
    metadata: {{labels: {{app: web-{n}}}}}
    spec:
      containers:
{containers}          env:
"""]
    length, k = len(text[0]), 0
    while length < size:
        text.append(f"""            - name: SETTING_{k}
              value: "value number {k} of manifest {n}" # a comment
            - {{name: FLOW_{k}, value: plain text {k}}}
""")
        length += len(text[-1]); k += 1
    return "".join(text)


def policies(registry, count, interval="1m"):
    """An ImageRepository and an ImagePolicy for each of web-0, web-1, …"""
    return "---\n".join(f"""apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: web-{n}, namespace: flux-system}}
spec: {{image: {registry}/acme/web-{n}, interval: {interval}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: web-{n}, namespace: flux-system}}
spec: {{imageRepositoryRef: {{name: web-{n}}}, policy: {{semver: {{range: ^1}}}}}}
""" for n in range(count))


def automation(remote):
    return f"""---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: infrastructure, namespace: flux-system}}
spec: {{url: "{remote}", interval: 1m, ref: {{branch: main}}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {{name: apps, namespace: flux-system}}
spec:
  interval: 1m
  sourceRef: {{kind: GitRepository, name: infrastructure}}
  git: {{commit: {{author: {{name: T, email: t@example.com}}}}}}
"""


class Import:
    """A bare repository that `git fast-import` fills; packed, with a bitmap, as servers keep theirs."""

    def __init__(self, path):
        self.path, self.mark = path, 0
        subprocess.run(["git", "init", "--bare", "--initial-branch=main", path], env=os.environ | CLEAN, **QUIET)
        for key, value in (("http.receivepack", "true"), ("receive.autogc", "false"), ("gc.auto", "0")):
            subprocess.run(["git", "-C", path, "config", key, value], **QUIET)

    def __enter__(self):
        self.process = subprocess.Popen(["git", "-C", self.path, "fast-import", "--quiet"], stdin=subprocess.PIPE)
        self.out = self.process.stdin
        return self

    def commit(self, message, files):
        """The next commit on main; `files` are pairs of path and text."""
        self.mark += 1
        message = message.encode()
        self.out.write(b"commit refs/heads/main\ncommitter T <t@example.com> %d +0000\ndata %d\n%b\n"
                       % (1_600_000_000 + self.mark * 60, len(message), message))
        for path, text in files:
            text = text.encode()
            self.out.write(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(text), text))

    def __exit__(self, *_):
        self.out.close()
        assert self.process.wait() == 0, "git fast-import"
        subprocess.run(["git", "-C", self.path, "repack", "-adq", "--write-bitmap-index"], **QUIET)


def fleet(path, registry, files, policies, commits=1):
    """A GitOps repository: `files` manifests of 1.5 KB in 200 folders, two marked values in each of 500 of them, all of
    them at 1.0.0; and further commits that change two manifests without markers each."""
    step = files // 500

    def file(n, edit=""):
        marked = n % step == 0
        image = lambda k: (f"{registry}/acme/web-{(2 * (n // step) + k) % policies}:1.0.0", None)
        images = [(image(k)[0], f"web-{(2 * (n // step) + k) % policies}" if marked else None) for k in (0, 1)]
        return f"apps-{n // (files // 200):03}/app-{n:06}.yaml", manifest(n, images, 1400) + edit

    rand = random.Random(1)
    with Import(path) as repository:
        repository.commit("seed\n", map(file, range(files)))
        for number in range(1, commits):
            places = [n for n in rand.sample(range(files), 4) if n % step][:2]
            repository.commit(f"change {number}\n", [file(n, f"# change {number}\n") for n in places])
