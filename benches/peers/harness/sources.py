"""Collections that follow directories, and documentation as real files."""

import glob
import os
import shutil
import subprocess

from harness.docent import create_collection, succeed
from harness.install import once, run
from harness.process import CannotRun, wait_until

# Debian's packages of about 1,500 pages in HTML.
PACKAGES = ["python3.11-doc", "postgresql-doc-15"]

CREATE = "mutation($input: SourceCreateInput!) { sourceCreate(input: $input) { source { id } userErrors { message } } }"
SYNC = "mutation($id: ID!) { sourceSync(input: { id: $id }) { operation { id } userErrors { message } } }"
LAST_RUN = """query($id: ID!) { node(id: $id) { ... on Source { status runs(first: 1) { nodes {
    startedAt completedAt found added changed unchanged removed failed error operation { status totals { completed failed skipped } } } } } } }"""
COUNTS = "query($id: ID!) { collection(id: $id) { documentCount chunkCount } }"


def documentation(folder):
    """A folder with the pages, from Debian's packages."""
    folder = os.path.join(folder, "documentation")
    os.makedirs(folder, exist_ok=True)

    def install():
        run("apt-get", "download", "--quiet", *PACKAGES, cwd=folder)
        for package in glob.glob(os.path.join(folder, "*.deb")):
            run("dpkg-deb", "-x", package, folder)

    once(folder, [__file__], install)
    return os.path.join(folder, "usr", "share", "doc")


def copied(stage, origin, name):
    """A copy of a folder's pages that may be changed."""
    target = stage.file(name)
    shutil.copytree(origin, target, ignore=keep_pages)
    return target


def keep_pages(folder, names):
    return [name for name in names if not name.endswith((".html", ".htm")) and not is_folder(os.path.join(folder, name))]


def is_folder(path):
    return os.path.isdir(path) and not os.path.islink(path)


def follow_directory(client, name, path):
    """A new collection that follows a directory. Returns it with its source."""
    collection = create_collection(client, name)
    asked = {"collectionId": collection, "name": name, "location": {"directory": {"path": path}}, "syncMode": "ONE_TIME"}
    return collection, succeed(client, CREATE, {**asked, "syncNow": True})["source"]["id"]


def sync(client, source):
    (payload,) = client.ask(SYNC, {"id": source}).values()
    if payload["userErrors"]:
        raise CannotRun(payload["userErrors"][0]["message"])


def last_run(client, source):
    """The last sync of a source, if it has ended."""
    found = client.ask(LAST_RUN, {"id": source})["node"]
    runs = found["runs"]["nodes"]
    if found["status"] != "IDLE" or not runs or runs[0]["completedAt"] is None:
        return None
    operation = runs[0]["operation"]
    return None if operation and operation["status"] in ("PENDING", "PROCESSING") else runs[0]


def ended(client, source, limit):
    """Waits until a sync and all that it has begun are over."""
    wait_until(lambda: last_run(client, source) is not None, limit, "a sync", pause=0.05)
    run = last_run(client, source)
    if run["error"]:
        raise CannotRun(run["error"])
    return run


def counts(client, collection):
    found = client.ask(COUNTS, {"id": collection})["collection"]
    return found["documentCount"], found["chunkCount"]
