"""An S3-compatible object store on loopback, each answer of which takes as long as it is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib import request

BUCKET = "calls"


class ObjectStore:
    def __init__(self, address: str, latency: float) -> None:
        self.address = address
        self.latency = latency
        """Seconds before each answer."""
        self.requests = 0

    @property
    def environment(self) -> dict[str, str]:
        """With which a process finds it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "loopback",
            "AWS_SECRET_ACCESS_KEY": "loopback",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def put(self, folder: Path, prefix: str = "") -> None:
        """Copies the files of a folder into the bucket."""
        files = self.file_system()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files.pipe_file(f"{BUCKET}/{prefix}{path.relative_to(folder).as_posix()}", path.read_bytes())

    def file_system(self) -> Any:
        from emozoo.bulk.remote import file_system

        return file_system(f"s3://{BUCKET}")[0]


@contextmanager
def object_store(latency: float = 0.0) -> Iterator[ObjectStore]:
    """A store with an empty bucket, which this process and those that it starts find by the environment."""
    import s3fs
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)

    def slow(environ: Any, start: Any) -> Any:
        store.requests += 1
        time.sleep(store.latency)
        return application(environ, start)

    server = make_server("127.0.0.1", 0, slow, threaded=True)
    store = ObjectStore(f"http://127.0.0.1:{server.server_port}", latency)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    before = {name: os.environ.get(name) for name in store.environment}
    os.environ.update(store.environment)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        request.urlopen(request.Request(f"{store.address}/moto-api/reset", method="POST"))  # it is one a process
        store.file_system().mkdir(BUCKET)
        yield store
    finally:
        server.shutdown()
        thread.join()
        s3fs.S3FileSystem.clear_instance_cache()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
