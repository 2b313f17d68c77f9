"""Docent as a child, and its public API."""

import os
import subprocess
from functools import cached_property

from harness.client import Client
from harness.process import CannotRun, Server, wait_until

SECRET = "a secret of one run, long enough to sign"
PASSWORD = "an account that lives for one run"
MOST = "1000000000"
# The most documents in one call, and the largest page.
PAGE = 100
# How long a server has to be quiet, and how often it looks whether its index is worth rebuilding meanwhile.
QUIET_SECONDS, LOOK = 5, {"VECTOR__OPTIMIZE_INTERVAL_SECONDS": 2}

RAISED = {
    "DOCENT__LIMITS__POINTS_PER_MINUTE": MOST,
    "DOCENT__LIMITS__POINTS_BURST": MOST,
    "DOCENT__AUTH__SIGNING_SECRET": SECRET,
    # One token lasts for a part.
    "DOCENT__AUTH__ACCESS_TOKEN_MINUTES": "60",
}

REGISTER = "mutation($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { message } } }"
LOG_IN = "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken userErrors { message } } }"
CREATE = "mutation($input: CollectionCreateInput!) { collectionCreate(input: $input) { collection { id } userErrors { message } } }"
INGEST = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } userErrors { message } } }"
STATUS = "query($id: ID!) { operation(id: $id) { status } }"
DOCUMENTS = """query($id: ID!, $after: Cursor) { collection(id: $id) { documents(first: 100, after: $after) {
    nodes { id uri status chunks(first: 20) { nodes { id content } pageInfo { hasNextPage } } } pageInfo { hasNextPage endCursor } } } }"""


class Docent:
    """How the release build is run."""

    def __init__(self, server, model_dir, scratch):
        self.server, self.model_dir, self.scratch = server, model_dir, scratch

    def environment(self, name, settings):
        return {
            "DOCENT__DATA_DIR": self.data_dir(name), "DOCENT__HTTP__PORT": "0", "DOCENT__EMBEDDING__MODEL_DIR": self.model_dir,
            **RAISED, **settings,
        }

    def data_dir(self, name):
        folder = os.path.join(self.scratch, name.replace(" ", "-"))
        os.makedirs(folder, exist_ok=True)
        return folder

    def serve(self, name, **settings):
        environment = self.environment(name, {f"DOCENT__{key}": str(value) for key, value in settings.items()})
        return Server(name, [self.server, "serve"], environment, self.data_dir(name))

    @cached_property
    def has_precisions(self):
        """Whether the build can be told how exactly to embed."""
        printed, _ = self.run("settings", "config", "print")
        return "precision" in printed

    def precision(self, name):
        """The settings with which documents are embedded as f32, or as int8."""
        if self.has_precisions:
            return {"EMBEDDING__PRECISION": name}
        if name == "f32":
            return {}
        raise CannotRun("this build has no setting for the precision of documents")

    def run(self, name, *command, **settings):
        """What a command prints, and the processor time that it took."""
        environment = self.environment(name, {f"DOCENT__{key}": str(value) for key, value in settings.items()})
        before = os.times()
        done = subprocess.run([self.server, *command], env=environment, capture_output=True, text=True)
        after = os.times()
        if done.returncode != 0:
            raise CannotRun((done.stderr.strip() or "it failed").splitlines()[-1])
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        return done.stdout, spent


def register(base, name="ada"):
    """A client for a new account."""
    with Client(base) as stranger:
        succeed(stranger, REGISTER, {"username": name, "email": f"{name}@example.org", "password": PASSWORD})
    return log_in(base, name)


def log_in(base, name="ada"):
    """A client with a new token, which lasts for a part."""
    with Client(base) as stranger:
        token = succeed(stranger, LOG_IN, {"login": name, "password": PASSWORD})["accessToken"]
    return Client(base, token)


def succeed(client, mutation, value):
    """The payload of a mutation that was carried out."""
    (payload,) = client.ask(mutation, {"input": value}).values()
    if payload["userErrors"]:
        raise CannotRun(payload["userErrors"][0]["message"])
    return payload


def create_collection(client, name, **more):
    return succeed(client, CREATE, {"name": name, **more})["collection"]["id"]


def ingest(client, collection, documents):
    """Accepts (uri, text) pairs, 100 in a call. Returns the operations."""
    operations = []
    for start in range(0, len(documents), PAGE):
        batch = [{"fileName": f"{uri}.txt", "uri": uri, "content": {"text": text}} for uri, text in documents[start : start + PAGE]]
        operations.append(succeed(client, INGEST, {"collectionId": collection, "documents": batch})["operation"]["id"])
    return operations


def follow(client, operations, limit):
    """Waits until the operations are complete."""
    def is_complete():
        status = client.ask(STATUS, {"id": operations[0]})["operation"]["status"]
        if status in ("FAILED", "CANCELLED"):
            raise CannotRun(f"an operation is {status}")
        if status == "COMPLETED":
            operations.pop(0)
        return not operations

    operations = list(operations)
    wait_until(is_complete, limit, "ingestion", pause=0.05)


def chunks_of(client, collection):
    """The chunks of a collection as (uri, chunk id, text), in the order of documents."""
    found, after = [], None
    while True:
        page = client.ask(DOCUMENTS, {"id": collection, "after": after})["collection"]["documents"]
        for document in page["nodes"]:
            if document["status"] != "COMPLETED" or document["chunks"]["pageInfo"]["hasNextPage"]:
                raise CannotRun(f"document {document['uri']} is {document['status']}, or has more chunks than a page")
            found += [(document["uri"], chunk["id"], chunk["content"]) for chunk in document["chunks"]["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def settle(process, limit=300):
    """Waits until a server has used less than a tenth of a core for a while, so that its index is built, and nothing that it still has
    to do weighs on what is measured next."""
    before, quiet = process.cpu_seconds(), 0

    def is_settled():
        nonlocal before, quiet
        now = process.cpu_seconds()
        quiet = quiet + 1 if now - before < 0.1 else 0
        before = now
        return quiet >= QUIET_SECONDS

    wait_until(is_settled, limit, "settling", pause=1)
