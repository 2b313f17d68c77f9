#!/usr/bin/env python3
"""Measures a release build of Docent beside other GraphQL servers, on this machine, in one run.

Docent runs on SQLite and on PostgreSQL; mercurius and PostGraphile read the same PostgreSQL tables. All of them answer
the same questions, with one token, and what they answer is compared before anything is measured. Then each is loaded for
a few seconds, in turns, and the medians of the rounds are printed. A peer that can't be set up, doesn't start or answers
otherwise has no figures; the reason is printed instead.

The peers come from npm, at the versions of package.json, into a folder of their own. Needed beside this file: node, npm, psql
and the programs of a PostgreSQL server.
"""

import argparse
import base64
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "a secret of one run, long enough to sign"
PASSWORD = "an account that lives for one run"
COLLECTIONS, DOCUMENTS = 10, 20
START_LIMIT = 60
INGEST_LIMIT = 900

RAISED = {
    "DOCENT__LIMITS__POINTS_PER_MINUTE": "1000000000",
    "DOCENT__LIMITS__POINTS_BURST": "1000000000",
    "DOCENT__AUTH__SIGNING_SECRET": SECRET,
    # One token lasts for the run.
    "DOCENT__AUTH__ACCESS_TOKEN_MINUTES": "60",
}

TYPENAME = "{ __typename }"
FLAT = """query($id: ID!) { collection(id: $id) { documents(first: 20) { nodes {
    fileName uri contentType fileSize status chunkCount } } } }"""
NESTED = """{ collections(first: 10) { nodes { name documents(first: 5) { nodes { uri chunks(first: 3) { nodes {
    index content } } } } } } }"""

# Amber calls a column `id` `rowId`, because `id` is that of the node.
POSTGRAPHILE_FLAT = """query($id: UUID!) { collectionByRowId(rowId: $id) { documentsByCollectionId(
    first: 20, orderBy: ROW_ID_ASC) { nodes { fileName uri contentType fileSize status chunkCount } } } }"""
POSTGRAPHILE_NESTED = """{ allCollections(first: 10, orderBy: ROW_ID_ASC) { nodes { name documentsByCollectionId(
    first: 5, orderBy: ROW_ID_ASC) { nodes { uri chunksByDocumentId(first: 3, orderBy: CHUNK_INDEX_ASC) { nodes {
    chunkIndex content } } } } } } }"""

WORK = ["__typename with a token", "20 documents x 6 fields", "10 collections x 5 documents x 3 chunks"]


def note(text):
    print(text, file=sys.stderr, flush=True)


class Process:
    """A server as a child, in a process group of its own."""

    def __init__(self, name, command, environment, folder):
        self.name = name
        self.log = os.path.join(folder, name.replace(" ", "-") + ".log")
        output = open(self.log, "ab")
        path = {"PATH": os.environ["PATH"]}
        self.child = subprocess.Popen(
            command, env={**path, **environment}, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=output, start_new_session=True,
        )
        self.base = None
        found = threading.Event()
        threading.Thread(target=self.read, args=(output, found), daemon=True).start()
        if not found.wait(START_LIMIT):
            self.stop()
            raise RuntimeError(f"did not start; see {self.log}")
        if self.base is None:
            raise RuntimeError(f"ended at once; see {self.log}")

    def read(self, output, found):
        for line in self.child.stdout:
            output.write(line)
            output.flush()
            _, told, rest = line.decode(errors="replace").partition("listening on ")
            if told and self.base is None:
                self.base = rest.split()[0].rstrip("./")
                found.set()
        found.set()

    def cpu_seconds(self):
        """User and system time of the process and its children so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        return sum(ticks_of(pid) for pid in tree(self.child.pid)) / ticks

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()


def stat_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def ticks_of(pid):
    try:
        fields = stat_of(pid)
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def tree(root):
    """A process and those below it."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(stat_of(pid)[1]), []).append(int(pid))
        except OSError:
            continue
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


class Postgres:
    """A cluster in a temporary folder, with the settings of the distribution."""

    def __init__(self):
        candidates = [shutil.which("initdb") or ""] + sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)
        programs = next((os.path.dirname(os.path.realpath(path)) for path in candidates if os.path.exists(path)), None)
        if programs is None:
            raise SystemExit("The programs of PostgreSQL are missing (Debian: apt-get install postgresql).")
        self.folder = tempfile.mkdtemp(prefix="docent-peers-postgres-")
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres")
        data, self.control = os.path.join(self.folder, "data"), os.path.join(programs, "pg_ctl")
        port = free_port()
        self.run(os.path.join(programs, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c max_locks_per_transaction=256"
        self.run(self.control, "-D", data, "-l", os.path.join(self.folder, "log"), "-w", "-o", options, "start")
        self.data, self.url = data, f"postgres://postgres@127.0.0.1:{port}/postgres"

    def run(self, *command):
        subprocess.run([*self.user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def pid(self):
        with open(os.path.join(self.data, "postmaster.pid")) as file:
            return int(file.readline())

    def cpu_seconds(self):
        return sum(map(ticks_of, tree(self.pid()))) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.run(self.control, "-D", self.data, "-m", "fast", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(base, query, variables=None, token=None):
    """The data of an answer without errors."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"{base}/graphql", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code}: {error.read(500)!r}") from error
    if answer.get("errors"):
        raise RuntimeError(json.dumps(answer["errors"])[:500])
    return answer["data"]


def text_of(collection, document):
    """A text of several chunks that is like no other."""
    sentence = f"Letter {document} of folder {collection} tells of harbours, ferries and the weather on day"
    return " ".join(f"{sentence} {day}." for day in range(20))


def fill(base):
    """An account with collections and documents. Returns its token and the id of the first collection."""
    account = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    ask(base, "mutation($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { message } } }", {"input": account})
    log_in = "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { accessToken userErrors { message } } }"
    token = ask(base, log_in, {"input": {"login": "ada", "password": PASSWORD}})["sessionCreate"]["accessToken"]
    create = "mutation($input: CollectionCreateInput!) { collectionCreate(input: $input) { collection { id } userErrors { message } } }"
    ingest = "mutation($input: DocumentsIngestInput!) { documentsIngest(input: $input) { operation { id } userErrors { message } } }"
    first, operations = None, []
    for collection in range(COLLECTIONS):
        new = {"name": f"Folder {collection}", "chunking": {"maxTokens": 64, "overlapTokens": 0}}
        created = ask(base, create, {"input": new}, token)["collectionCreate"]["collection"]["id"]
        first = first or created
        documents = [
            {"fileName": f"{number:02}.txt", "content": {"text": text_of(collection, number)}} for number in range(DOCUMENTS)
        ]
        payload = ask(base, ingest, {"input": {"collectionId": created, "documents": documents}}, token)["documentsIngest"]
        operations.append(payload["operation"]["id"])
    deadline = time.monotonic() + INGEST_LIMIT
    status = "query($id: ID!) { operation(id: $id) { status } }"
    for operation in operations:
        while (state := ask(base, status, {"id": operation}, token)["operation"]["status"]) != "COMPLETED":
            if state in ("FAILED", "CANCELLED") or time.monotonic() > deadline:
                raise SystemExit(f"The documents can't be read: {state}.")
            time.sleep(0.5)
    return token, first


def values(answer):
    """What an answer says, without the names that a server gives its fields."""
    if isinstance(answer, dict):
        return [values(value) for value in answer.values()]
    if isinstance(answer, list):
        return [values(value) for value in answer]
    return answer


class Contender:
    """A server with its documents for each work."""

    def __init__(self, name, process, documents, token, helpers=()):
        self.name, self.process, self.token, self.helpers = name, process, token, helpers
        self.requests = [{"query": query, "variables": variables} for query, variables in documents]
        self.results = {work: [] for work in WORK}

    def answers(self):
        return [ask(self.process.base, request["query"], request["variables"], self.token) for request in self.requests]

    def cpu_seconds(self):
        return sum(each.cpu_seconds() for each in (self.process, *self.helpers))

    def load(self, work, arguments, modules):
        request = json.dumps(self.requests[WORK.index(work)])
        command = [
            os.path.join(modules, ".bin", "autocannon"), "--json", "--no-progress", "-c", str(arguments.connections),
            "-d", str(arguments.seconds), "-m", "POST", "-H", "content-type: application/json",
            "-H", f"authorization: Bearer {self.token}", "-b", request, f"{self.process.base}/graphql",
        ]
        before = self.cpu_seconds()
        measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cpu = self.cpu_seconds() - before
        if measured["non2xx"] or measured["errors"]:
            raise SystemExit(f"{self.name} refused requests of {work!r}: {measured['non2xx']} answers, {measured['errors']} errors.")
        completed = max(1, measured["requests"]["total"])
        self.results[work].append((measured["requests"]["average"], measured["latency"]["p99"], 1000 * cpu / completed))


def uuid_of(global_id):
    return base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode().rpartition(":")[2]


def docent(arguments, folder, name, settings):
    data = os.path.join(folder, name.replace(" ", "-"))
    os.makedirs(data)
    environment = {
        "DOCENT__DATA_DIR": data, "DOCENT__HTTP__PORT": "0", "DOCENT__EMBEDDING__MODEL_DIR": arguments.model_dir, **RAISED, **settings,
    }
    return Process(name, [arguments.server, "serve"], environment, data)


def install(folder):
    """The peers, and the program that makes the load."""
    shutil.copy(os.path.join(HERE, "package.json"), folder)
    for script in glob.glob(os.path.join(HERE, "*.mjs")):
        shutil.copy(script, folder)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True, stdout=sys.stderr)
    return os.path.join(folder, "node_modules")


def peers(folder, postgres, token, collection):
    """The peers that start, and why the others do not."""
    environment = {"DATABASE_URL": postgres.url, "SIGNING_SECRET": SECRET}
    shapes = {
        "mercurius": [(TYPENAME, {}), (FLAT, {"id": collection}), (NESTED, {})],
        "postgraphile": [(TYPENAME, {}), (POSTGRAPHILE_FLAT, {"id": uuid_of(collection)}), (POSTGRAPHILE_NESTED, {})],
    }
    found, missing = [], {}
    for name, documents in shapes.items():
        try:
            process = Process(name, ["node", f"{name}.mjs"], {**environment, "NODE_ENV": "production"}, folder)
            found.append(Contender(name, process, documents, token, [postgres]))
        except (RuntimeError, OSError) as error:
            missing[name] = str(error)
    return found, missing


def agreeing(contenders, expected):
    """Those whose answers say the same as the first one's, and what the others said."""
    found, missing = [], {}
    for contender in contenders:
        try:
            answers = [values(answer) for answer in contender.answers()]
            different = [work for work, ours, theirs in zip(WORK, expected, answers) if ours != theirs]
            if different:
                raise RuntimeError("answers otherwise: " + ", ".join(different))
            found.append(contender)
        except (RuntimeError, OSError) as error:
            missing[contender.name] = str(error)
            contender.process.stop()
    return found, missing


def table(contenders, missing):
    own = [contender for contender in contenders if contender.name.startswith("docent")]
    others = [contender for contender in contenders if contender not in own]
    print("| work | server | requests/s | p99 ms | CPU s a 1,000 requests | over the best peer |")
    print("| --- | --- | --- | --- | --- | --- |")
    for work in WORK:
        median = {each.name: [statistics.median(column) for column in zip(*each.results[work])] for each in contenders}
        best = max((median[each.name][0] for each in others), default=None)
        for contender in contenders:
            rate, p99, cpu = median[contender.name]
            ratio = f"{rate / best:.2f}" if best and contender in own else "-"
            print(f"| {work} | {contender.name} | {rate:,.0f} | {p99:.1f} | {cpu:.3f} | {ratio} |")
    for name, reason in missing.items():
        print(f"\n{name} was not measured: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the release build of docent")
    parser.add_argument("--model-dir", required=True, help="the folder of the embedding model")
    parser.add_argument("--folder", required=True, help="where the peers are installed")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=5, help="how long one server is loaded at a time")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    arguments.server, arguments.model_dir = os.path.abspath(arguments.server), os.path.abspath(arguments.model_dir)
    os.makedirs(arguments.folder, exist_ok=True)
    folder = os.path.abspath(arguments.folder)
    modules = install(folder)
    running = []
    with tempfile.TemporaryDirectory(prefix="docent-peers-") as scratch:
        try:
            postgres = Postgres()
            running.append(postgres)
            contenders = []
            for name, settings, helpers in [
                ("docent on PostgreSQL", {"DOCENT__DATABASE__URL": postgres.url}, [postgres]),
                ("docent on SQLite", {}, []),
            ]:
                note(f"{name} reads its documents")
                process = docent(arguments, scratch, name, settings)
                running.insert(0, process)
                token, collection = fill(process.base)
                documents = [(TYPENAME, {}), (FLAT, {"id": collection}), (NESTED, {})]
                contenders.append(Contender(name, process, documents, token, helpers))
            first = contenders[0]
            # PostGraphile finds relations by keys, and chunks have none; it needs this one for its third query.
            subprocess.run(
                ["psql", "-q", postgres.url, "-c", "COMMENT ON TABLE chunks IS E'@foreignKey (document_id) references documents (id)'", "-c", "ANALYZE collections, collection_members, documents, sessions, users"],
                check=True,
            )
            others, missing = peers(folder, postgres, first.token, first.requests[1]["variables"]["id"])
            for other in others:
                running.insert(0, other.process)
            expected = [values(answer) for answer in first.answers()]
            contenders, wrong = agreeing(contenders + others, expected)
            missing.update(wrong)
            for round_number in range(arguments.rounds):
                note(f"round {round_number + 1} of {arguments.rounds}")
                for work in WORK:
                    for contender in contenders:
                        contender.load(work, arguments, modules)
            table(contenders, missing)
        finally:
            for each in running:
                each.stop()


if __name__ == "__main__":
    main()
