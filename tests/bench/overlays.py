"""The kustomization roots that `build` is measured on, made the same way each time.

A base of so many resources, a quarter each of Deployment, Service, ConfigMap and ServiceAccount, a hundred documents in
a file; overlays over all of it; and many small overlays over a small base.
"""
import os

DOCUMENTS = 100


def deployment(n):
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{n:05}
  labels: {{app: web-{n:05}, tier: "{n % 7}"}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web-{n:05}}}
  template:
    metadata:
      labels: {{app: web-{n:05}}}
    spec:
      serviceAccountName: web-{n:05}
      containers:
        - name: web
          image: registry.example.com/acme/web-{n % 50}:1.0.{n % 10}
          ports:
            - {{name: http, containerPort: 8080}}
          env:
            - name: LOG_LEVEL
              value: info
            - name: TITLE
              valueFrom: {{configMapKeyRef: {{name: web-{n:05}, key: title}}}}
          resources:
            requests: {{cpu: 100m, memory: 64Mi}}
            limits: {{memory: 128Mi}}
          readinessProbe:
            httpGet: {{path: /ready, port: http}}
          volumeMounts:
            - {{name: settings, mountPath: /etc/web}}
        - name: proxy
          image: registry.example.com/acme/proxy:2.1.0
          args: ["--listen", ":15001", "--to", ":8080"]
      volumes:
        - name: settings
          configMap: {{name: web-{n:05}}}
"""


def service(n):
    return f"""apiVersion: v1
kind: Service
metadata:
  name: web-{n:05}
spec:
  selector: {{app: web-{n:05}}}
  ports:
    - {{name: http, port: 80, targetPort: http}}
"""


def config_map(n):
    return f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: web-{n:05}
data:
  title: "Shop {n}"
  settings.yaml: |
    cache:
      size: {n}
      ttl: 10m
    peers: [a.example.com, b.example.com]
"""


def service_account(n):
    return f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web-{n:05}\n"


KINDS = {"deployments": deployment, "services": service, "configmaps": config_map, "accounts": service_account}


def patch(n):
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{n:05}
spec:
  replicas: {3 + n % 5}
  template:
    spec:
      containers:
        - name: web
          env:
            - {{name: LOG_LEVEL, value: warn}}
            - {{name: REGION, value: eu-{n % 3}}}
          resources:
            limits: {{memory: 256Mi}}
"""


def base(count):
    """The files of `base/`, with `count` resources of each kind."""
    files = {}
    for folder, document in KINDS.items():
        for start in range(0, count, DOCUMENTS):
            documents = map(document, range(start, min(start + DOCUMENTS, count)))
            files[f"{folder}-{start:05}.yaml"] = "---\n".join(documents)
    listed = "".join(f"  - {name}\n" for name in files)
    return {f"base/{name}": text for name, text in (files | {"kustomization.yaml": f"resources:\n{listed}"}).items()}


LABELS = "labels:\n  - includeSelectors: true\n    pairs: {env: prod, team: shop}\n"


def labels(folder, _):
    return {f"{folder}/kustomization.yaml": f"resources: [../base]\n{LABELS}"}


def patched(folder, numbers):
    """The lines of the field, and the files of a merge patch for each of these Deployments."""
    files = {f"{folder}/patches/web-{n:05}.yaml": patch(n) for n in numbers}
    return "patches:\n" + "".join(f"  - path: {path.removeprefix(folder + '/')}\n" for path in files), files


def patches(folder, count):
    lines, files = patched(folder, range(count))
    return files | {f"{folder}/kustomization.yaml": f"resources: [../base]\n{lines}"}


def everything(folder, count, replacements=""):
    lines, files = patched(folder, range(0, count, 10))
    images = "".join(f"  - {{name: registry.example.com/acme/web-{n}, newTag: 2.0.{n}}}\n" for n in range(0, 50, 5))
    text = f"""resources: [../base]
namePrefix: prod-
namespace: shop
{LABELS}{lines}images:
{images}  - {{name: registry.example.com/acme/proxy, newName: mirror.example.com/proxy, digest: "sha256:{'0' * 64}"}}
configMapGenerator:
  - name: shared
    literals: [region=eu, tier=gold]
secretGenerator:
  - name: shared
    literals: [password=not-secret]
{replacements}"""
    return files | {f"{folder}/kustomization.yaml": text}


def replacements(folder, count):
    """The same, and a hundred values that are copied from a ConfigMap to a Deployment's annotation and environment."""
    entries = "".join(f"""  - source: {{kind: ConfigMap, name: web-{n:05}, fieldPath: data.title}}
    targets:
      - select: {{kind: Deployment, name: web-{n:05}}}
        fieldPaths: [metadata.annotations.title]
        options: {{create: true}}
      - select: {{kind: Deployment, name: web-{n:05}}}
        fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=LOG_LEVEL].value"]
""" for n in range(0, count, max(count // 100, 1)))
    return everything(folder, count, f"replacements:\n{entries}")


OVERLAYS = {"labels": labels, "a patch for each Deployment": patches, "everything": everything,
            "everything and 100 replacements": replacements}


def large(resources):
    """The files of a base and of overlays over it; and the folder of each overlay by its name."""
    folders = {name: name.replace(" ", "-") for name in OVERLAYS}
    files = base(resources // len(KINDS))
    for name, folder in folders.items():
        files |= OVERLAYS[name](folder, resources // len(KINDS))
    return files, folders


def small(count):
    """The files of `count` overlays, each with all that an application of a team commonly has, over a base of 20."""
    files = base(5)
    for n in range(count):
        files |= everything(f"apps/{n:03}", 5)
        files[f"apps/{n:03}/kustomization.yaml"] = files[f"apps/{n:03}/kustomization.yaml"].replace(
            "[../base]", "[../../base]").replace("namespace: shop", f"namespace: shop-{n}")
    return files


def write(top, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
        with open(os.path.join(top, path), "w") as f:
            f.write(text)
