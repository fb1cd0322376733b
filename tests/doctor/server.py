"""A stand-in for an API server: it answers lists over HTTP, page by page, and can be changed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from doctor.objects import Object

PATHS = {
    "/api/v1/nodes": "Node",
    "/api/v1/pods": "Pod",
    "/api/v1/events": "Event",
    "/apis/apps/v1/deployments": "Deployment",
    "/apis/apps/v1/daemonsets": "DaemonSet",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests": "CertificateSigningRequest",
}


@dataclass
class Api:
    """What the server knows. `status` overrules the answer for a kind, `delay` makes it late.

    `asked` are the requests so far; `changes` are called in turn, one before each list of nodes.
    """

    objects: list[Object]
    page: int = 1000
    status: dict[str, int] = field(default_factory=dict)
    delay: float = 0
    body: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    changes: list[Callable[[Api], None]] = field(default_factory=list)
    expire_once: bool = False
    port: int = 0

    def answer(self, method: str, target: str) -> tuple[int, bytes]:
        """Return status and body for a request."""
        url = urlsplit(target)
        self.asked.append((method, url.path))
        kind = PATHS.get(url.path, "")
        query = parse_qs(url.query)
        start = int(query.get("continue", ["0"])[0])
        if kind == "Node" and not start and self.changes:
            self.changes.pop(0)(self)
        time.sleep(self.delay)
        status = self.status.get(kind, self.status.get("", 200 if kind else 404))
        if start and self.expire_once:
            status, self.expire_once = 410, False
        if status != 200:
            # An API server says more here, and none of it is to be shown.
            return status, b'{"kind": "Status", "message": "token s3cret is bad"}'
        if self.body is not None:
            return 200, self.body
        found = [each for each in self.objects if each["kind"] == kind]
        stop = start + min(self.page, int(query["limit"][0]))
        bare = [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in found]
        more = {"continue": str(stop)} if stop < len(found) else {}
        data = {"kind": f"{kind}List", "metadata": more, "items": bare[start:stop]}
        return 200, json.dumps(data).encode()


class Answering(Protocol):
    """What can be served: it gives status and body for a request, and is told its port."""

    port: int

    def answer(self, method: str, target: str) -> tuple[int, bytes]: ...


Served = TypeVar("Served", bound=Answering)


@contextmanager
def serving(api: Served) -> Iterator[Served]:
    """Serve an API on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = api.answer(self.command, self.path)
            try:
                self.deliver(status, body)
            except OSError:
                # Who asked waits no longer.
                self.close_connection = True

        def deliver(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def kubeconfig(path: Path, port: int, name: str = "stand-in") -> Path:
    """Write a kubeconfig for a server on this machine; return its path."""
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": name, "user": {"token": "s3cret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }))  # fmt: skip
    return path
