"""Files of this machine: `update` over a folder, `sync` of a bare repository beside it, `history` of a long one."""
import os, shutil, subprocess, tempfile

from measure import CLEAN, QUIET, Bar, run
from seed import Import, automation, manifest, policies
from server import Server

ENV = os.environ | CLEAN


def write_tree(folder, registry, files, marked):
    """Manifests of 8 KB, a hundred in a folder."""
    for n in range(files):
        sub = os.path.join(folder, f"apps-{n // 100:04}")
        os.makedirs(sub, exist_ok=True)
        image = (f"{registry}/acme/web-0:1.0.0", "web-0" if marked(n) else None)
        with open(os.path.join(sub, f"app-{n:05}.yaml"), "w") as f:
            f.write(manifest(n, [image], 8000))


def update(table, binary, files, work):
    """`update` over many files, beside grep and sed."""
    names = [(f"update: {files} files, {words}", f"update again: {files} files, {words}", marked) for words, marked in
             (("none marked", lambda n: False), ("all marked", lambda n: True))]
    if not table.wants(*(name for first, again, _ in names for name in (first, again))):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder:
        for first, again, marked in names:
            update_tree(table, binary, files, folder, (first, again), marked)


def update_tree(table, binary, files, folder, names, marked):
    pristine, tree = os.path.join(folder, "pristine"), os.path.join(folder, "tree")
    shutil.rmtree(pristine, ignore_errors=True)
    write_tree(pristine, "registry.example.com", files, marked)
    image = "flux-system:web-0=registry.example.com/acme/web-0:1.0.1"
    ours = [binary, "update", tree, "--image", image]
    sed = ["sh", "-c", f"grep -rlF '$imagepolicy' {tree} | xargs -r sed -i 's/acme.web-0:1.0.0/acme\\/web-0:1.0.1/'"]

    def fresh(args):
        shutil.rmtree(tree, ignore_errors=True)
        subprocess.run(["cp", "-r", pristine, tree], check=True)
        return run(args)

    table.measure(names[0], lambda: fresh(ours), ("grep + sed", lambda: fresh(sed)))
    fresh(ours)
    table.measure(names[1], lambda: run(ours), ("grep", lambda: run(["grep", "-rlF", "$imagepolicy", tree])))


def sync(table, binary, files, work):
    """`sync` of a repository of this machine with many files, 1 in 40 marked, beside the same by hand."""
    cold, warm, same = (f"local, {words}: {files} files" for words in
                        (f"cold, {files // 40} change", f"warm, {files // 40} change", "unchanged"))
    if not table.wants(cold, warm, same):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder, Server(folder) as server:
        remote, state, objects, clone = (os.path.join(folder, n) for n in ("remote.git", "state", "objects", "clone"))
        seed = os.path.join(folder, "seed.git")
        with Import(seed) as repository:
            image = lambda n: (f"{server.address}/acme/web-0:1.0.0", None if n % 40 else "web-0")
            repository.commit("seed\n", ((f"apps-{n // 100:04}/app-{n:05}.yaml", manifest(n, [image(n)], 8000))
                                         for n in range(files)))
        os.makedirs(objects)
        with open(os.path.join(objects, "objects.yaml"), "w") as f:
            f.write(policies(server.address, 1) + automation(f"file://{remote}"))
        server.tags("1.0.0", "1.0.1")
        ours = [binary, "sync", "--objects", objects, "--state", state]
        by_hand = ["sh", "-ec", f"git clone -q --depth 1 file://{remote} {clone}; cd {clone}; grep -rlF '$imagepolicy' ."
                   " | xargs sed -i 's/web-0:1.0.0/web-0:1.0.1/'; git commit -qam x; git push -q"]

        def fresh(args, keep=True):
            for path in (remote, clone) if keep else (remote, clone, state):
                shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(seed, remote)
            return run(args, env=ENV)

        hand = ("git clone, sed, commit, push", lambda: fresh(by_hand))
        table.measure(cold, lambda: fresh(ours, keep=False), hand)
        table.measure(warm, lambda: fresh(ours), hand)
        fresh(ours)
        table.measure(same, lambda: run(ours), ("git ls-remote", lambda: run(["git", "ls-remote", remote])))


def history(table, binary, commits, work):
    """The audit trail of a long history, one commit in five ours, beside Git printing all messages."""
    name = f"history: {commits} commits"
    if not table.wants(name):
        return
    with tempfile.TemporaryDirectory(dir=work) as folder:
        path = os.path.join(folder, "long.git")
        with Import(path) as repository:
            for n in range(commits):
                change = f"flux-system/web-{n % 50} example.com/acme/web:1.0.{n} -> example.com/acme/web:1.0.{n + 5}"
                trail = f"\nImage-Automation: flux-system/apps\nImage-Change: {change}\n" if n % 5 == 0 else ""
                repository.commit(f"Change number {n}\n\nWhy it was made, in a line.\n{trail}",
                                  [(f"apps-{n % 100:03}/app.yaml", f"image: example.com/acme/web:1.0.{n}\n")])
        ours = [binary, "history", path, "--max-count", str(commits), "--state", os.path.join(folder, "state")]
        log = ["sh", "-c", f"git -C {path} log --format=%B | wc -c"]
        table.measure(name, lambda: run(ours, env=ENV), ("git log --format=%B", lambda: run(log, env=ENV)), bar=Bar(2))
