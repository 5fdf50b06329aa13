"""A small Hugging Face Hub on loopback: a real HTTP server that the real `huggingface_hub` client talks to.

It keeps repositories in memory and answers the calls that publishing and fetching need: create, preupload, commit, large
files, tags, branches, info, list, tree, and downloads by HEAD and GET with ETag. Faults are set from the test: `fail`
answers a path with a status for a while, `hold` keeps an upload waiting.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LARGE = (".safetensors", ".bin", ".png", ".parquet", ".wav")


@dataclass
class Commit:
    sha: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repo:
    name: str
    private: bool = False
    gated: bool = False
    downloads: int = 0
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    requests: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Pull requests by number: author and status; the commit of number 3 is the ref `refs/pr/3`."""

    def commit(self, changes: dict[str, bytes | None], message: str, branch: str = "main") -> Commit:
        files = dict(self.files(branch)) if branch in self.refs else {}
        files = {path: data for path, data in {**files, **changes}.items() if data is not None}
        sha = hashlib.sha1(f"{self.name} {branch} {len(self.commits)} {message}".encode()).hexdigest()
        self.commits[sha] = Commit(sha, message, files)
        self.refs[branch] = sha
        return self.commits[sha]

    def find(self, revision: str) -> Commit | None:
        return self.commits.get(self.refs.get(revision) or self.tags.get(revision) or revision)

    def files(self, revision: str = "main") -> dict[str, bytes]:
        found = self.find(revision)
        assert found is not None, revision
        return found.files

    def history(self) -> list[str]:
        return [commit.message for commit in self.commits.values()]


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hub:
    """The server's state. `models`, `datasets` and `spaces` by name, `tokens` by secret, `requests` as they came."""

    def __init__(self) -> None:
        self.models: dict[str, Repo] = {}
        self.datasets: dict[str, Repo] = {}
        self.spaces: dict[str, Repo] = {}
        self.tokens = {"hf_writer": "anna", "hf_reader": "ben"}
        self.renamed: dict[str, str] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.faults: list[tuple[str, int, dict[str, str], Iterator[Any]]] = []
        self.held = threading.Event()
        self.reached = threading.Event()
        self.held.set()
        self.url = self.cdn = ""

    def fail(self, pattern: str, status: int, times: int | None = None, **headers: str) -> None:
        """Answers requests (`METHOD path`) that match with a status, the next `times`, or always."""
        counter: Iterator[Any] = itertools.repeat(None) if times is None else iter(range(times))
        self.faults.append((pattern, status, {name.replace("_", "-"): text for name, text in headers.items()}, counter))

    @contextmanager
    def hold(self) -> Iterator[threading.Event]:
        """Keeps uploads of large files waiting; gives the event that says one has come."""
        self.reached.clear()
        self.held.clear()
        try:
            yield self.reached
        finally:
            self.held.set()

    def paths(self, method: str = "GET") -> list[str]:
        return [line.split(" ", 1)[1] for line in self.requests if line.startswith(method + " ")]


class Refusal(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes | Any = b"", **headers: str) -> None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content_Type", "application/json")
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self.read_chunks()
        split = urlsplit(self.path)
        self.query = parse_qs(split.query)
        path = unquote(split.path)
        self.hub.requests.append(f"{self.command} {path}")
        try:
            for pattern, status, headers, counter in self.hub.faults:
                if re.search(pattern, f"{self.command} {path}") and next(counter, "over") != "over":
                    return self.answer(status, b"{}", **headers)
            self.route(path)
        except Refusal as refusal:
            # As the Hub does: what cannot be seen is not there, and who sends no token is asked for one.
            message = refusal.message or refusal.code
            headers = {"X_Error_Code": refusal.code, "X_Error_Message": message} if message else {}
            self.answer(refusal.status, {"error": message}, **{key: value for key, value in headers.items() if value})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def read_chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def user(self) -> str | None:
        secret = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if secret and secret not in self.hub.tokens:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        return self.hub.tokens.get(secret)

    def repo(self, kind: str, name: str) -> Repo:
        user, found = self.user(), getattr(self.hub, kind).get(name)
        if found is None or found.private and user != name.split("/")[0]:
            raise Refusal(404 if user else 401, "RepoNotFound", "Repository not found")
        return found

    def own(self, kind: str, name: str) -> Repo:
        found = self.repo(kind, name)
        if self.user() is None:
            raise Refusal(401, "", "Invalid username or password.")
        if self.user() != name.split("/")[0]:
            raise Refusal(403, "", "You have no permission to write")
        return found

    def commit(self, repo: Repo, revision: str) -> Commit:
        found = repo.find(revision)
        if found is None:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def route(self, path: str) -> None:
        for old, new in self.hub.renamed.items():
            if f"/{old}/" in f"{path}/" and self.command in ("GET", "HEAD"):
                return self.answer(307, b"", Location=f"{path}/".replace(f"/{old}/", f"/{new}/")[:-1])
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split():
                return act(self, **found.groupdict())
        raise Refusal(404, "", f"no such address: {self.command} {path}")

    def create(self) -> None:
        asked = json.loads(self.body)
        user = self.user()
        if user is None:
            raise Refusal(401, "", "Invalid username or password.")
        owner = asked.get("organization") or user
        name = f"{owner}/{asked['name']}"
        if owner != user:
            raise Refusal(403, "", "You have no permission to create a repository there")
        kind = asked.get("type") or "model"
        if kind == "space" and asked.get("sdk") != "gradio":
            raise Refusal(400, "", "a Space needs an SDK")
        repos: dict[str, Repo] = getattr(self.hub, f"{kind}s")
        if name in repos:
            return self.answer(409, {"error": "exists", "url": f"{self.hub.url}/{name}"})
        repos[name] = Repo(name, private=asked.get("visibility") == "private" or asked.get("private", False))
        repos[name].commit({".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        self.answer(200, {"url": f"{self.hub.url}/{name}", "name": name})

    def validate(self) -> None:
        front = re.match(r"---\n(.*?)\n---\n", json.loads(self.body)["content"], re.DOTALL)
        errors = []
        if front is None or not isinstance(yaml.safe_load(front[1]), dict):
            errors = [{"message": "no metadata"}]
        self.answer(400 if errors else 200, {"errors": errors, "warnings": []})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        files = self.commit(self.own(kind, name), revision).files
        told = []
        for each in json.loads(self.body)["files"]:
            path, large = each["path"], each["path"].endswith(LARGE)
            oid = None
            if path in files:
                oid = sha256(files[path]) if large else blob_id(files[path])
            told.append({"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid})
        self.answer(200, {"files": told})

    def batch(self, name: str) -> None:
        self.own("models", name)
        told = []
        for each in json.loads(self.body)["objects"]:
            entry = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in self.hub.large:
                entry["actions"] = {"upload": {"href": f"{self.hub.url}/large/{each['oid']}"}}
            told.append(entry)
        self.answer(200, {"transfer": "basic", "objects": told})

    def put_large(self, oid: str) -> None:
        self.hub.reached.set()
        self.hub.held.wait(60)
        if sha256(self.body) != oid:
            raise Refusal(400, "", "the content is not what was announced")
        self.hub.large[oid] = self.body
        self.answer(200)

    def get_large(self, oid: str) -> None:
        self.answer(200, self.hub.large[oid], ETag=f'"{oid}"')

    def make_commit(self, kind: str, name: str, revision: str) -> None:
        repo = self.own(kind, name)
        head = self.commit(repo, revision)
        changes: dict[str, bytes | None] = {}
        message = ""
        for line in map(json.loads, self.body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
                if value.get("parentCommit", head.sha) != head.sha:
                    raise Refusal(412, "", "A commit has happened since. Please refresh and try again.")
            elif line["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.large:
                    raise Refusal(400, "", "a large file has not been uploaded")
                changes[value["path"]] = self.hub.large[value["oid"]]
            elif line["key"] == "deletedFile":
                changes[value["path"]] = None
        made = repo.commit(changes, message, revision)
        self.answer(200, {"commitOid": made.sha, "commitUrl": f"{self.hub.url}/{name}/commit/{made.sha}"})

    def branch(self, kind: str, name: str, branch: str) -> None:
        repo = self.own(kind, name)
        if branch in repo.refs:
            raise Refusal(409, "", "exists")
        repo.refs[branch] = self.commit(repo, json.loads(self.body or b"{}").get("startingPoint", "main")).sha
        self.answer(200, {})

    def tag(self, kind: str, name: str, revision: str) -> None:
        repo = self.own(kind, name)
        repo.tags[json.loads(self.body)["tag"]] = self.commit(repo, revision).sha
        self.answer(200, {})

    def describe(self, repo: Repo, commit: Commit) -> dict[str, Any]:
        front = re.match(r"---\n(.*?)\n---\n", commit.files.get("README.md", b"").decode(), re.DOTALL)
        card = yaml.safe_load(front[1]) if front else {}
        return {
            "id": repo.name, "modelId": repo.name, "author": repo.name.split("/")[0], "sha": commit.sha,
            "private": repo.private, "gated": "auto" if repo.gated else False, "downloads": repo.downloads, "likes": 0,
            "tags": list(card.get("tags", [])), "library_name": card.get("library_name"), "cardData": card,
            "siblings": [{"rfilename": path} for path in sorted(commit.files)],
        }  # fmt: skip

    def info(self, kind: str, name: str, revision: str | None = None) -> None:
        repo = self.repo(kind, name)
        self.answer(200, self.describe(repo, self.commit(repo, revision or "main")))

    def list(self) -> None:
        wanted, text = self.query.get("filter", []), self.query.get("search", [""])[0]
        user = self.user()
        found = [
            self.describe(repo, repo.commits[repo.refs["main"]])
            for repo in self.hub.models.values()
            if text in repo.name and not (repo.private and user != repo.name.split("/")[0])
        ]
        found = [each for each in found if set(wanted) <= set(each["tags"])]
        self.answer(200, sorted(found, key=lambda each: -each["downloads"]))

    def discussions(self, kind: str, name: str) -> None:
        repo = self.repo(kind, name)
        wanted = self.query.get("author", [""])[0]
        found = [
            {
                "num": number, "title": "Adding `safetensors` variant of this model", "author": {"name": author},
                "status": status, "isPullRequest": True, "createdAt": "2024-01-01T00:00:00.000Z",
                "repo": {"name": name, "type": "model"},
            }
            for number, (author, status) in sorted(repo.requests.items())
            if author == wanted
        ]  # fmt: skip
        self.answer(200, {"discussions": found, "count": len(found), "start": 0})

    def tree(self, kind: str, name: str, revision: str) -> None:
        commit = self.commit(self.repo(kind, name), revision)
        told = []
        for path, data in sorted(commit.files.items()):
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_id(data)}
            if path.endswith(LARGE):
                entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 130}
            told.append(entry)
        self.answer(200, told)

    def resolve(self, name: str, revision: str, file: str, kind: str | None = None) -> None:
        repo = self.repo(kind or "models", name)
        if repo.gated and self.user() != name.split("/")[0]:
            raise Refusal(403 if self.user() else 401, "GatedRepo", "Access to this model is restricted")
        commit = self.commit(repo, revision)
        if file not in commit.files:
            self.send_response(404)
            for key, value in (
                ("X-Error-Code", "EntryNotFound"), ("X-Repo-Commit", commit.sha), ("Content-Length", "0"),
            ):  # fmt: skip
                self.send_header(key, value)
            return self.end_headers()
        data = commit.files[file]
        if file.endswith(LARGE):
            oid = sha256(data)
            self.hub.large[oid] = data
            linked = {"X_Linked_ETag": f'"{oid}"', "X_Linked_Size": str(len(data))}
            return self.answer(302, b"", Location=f"{self.hub.cdn}/large/{oid}", X_Repo_Commit=commit.sha, **linked)
        self.answer(200, data, ETag=f'"{blob_id(data)}"', X_Repo_Commit=commit.sha)


REPO = r"(?P<name>[\w.-]+/[\w.-]+)"
ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate),
    ("POST", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/preupload/(?P<revision>.+)", Handler.preupload),
    ("POST", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/commit/(?P<revision>.+)", Handler.make_commit),
    ("POST", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/branch/(?P<branch>.+)", Handler.branch),
    ("POST", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/tag/(?P<revision>.+)", Handler.tag),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", r"/large/(?P<oid>\w+)", Handler.put_large),
    ("GET HEAD", r"/large/(?P<oid>\w+)", Handler.get_large),
    ("GET", "/api/models", Handler.list),
    ("GET", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}", Handler.info),
    ("GET", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/revision/(?P<revision>.+)", Handler.info),
    ("GET", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/discussions", Handler.discussions),
    ("GET", rf"/api/(?P<kind>models|datasets|spaces)/{REPO}/tree/(?P<revision>.+)", Handler.tree),
    (
        "GET HEAD",
        rf"(?:/(?P<kind>datasets|spaces))?/{REPO}/resolve/(?P<revision>refs/pr/\d+|[^/]+)/(?P<file>.+)",
        Handler.resolve,
    ),
]


@contextmanager
def running() -> Iterator[Hub]:
    """A hub of its own, gone at the end of the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    hub.cdn = f"http://localhost:{server.server_address[1]}"  # large files come from another host, as the Hub's do
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
