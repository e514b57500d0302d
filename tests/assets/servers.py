"""Two real servers on loopback: a package index, and a model hub that speaks as much as its client asks for."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "1" * 40


class FileServer:
    """Serves `files` (path -> bytes) and remembers the paths of its GETs. A path in `hanging` never gets an answer."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.gets: list[str] = []
        self.hanging: set[str] = set()
        self.asked_in_vain = threading.Event()
        self.closing = threading.Event()
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.rstrip("/")
        if handler.command == "GET":
            self.gets.append(path)
        if path in self.hanging:
            self.asked_in_vain.set()
            self.closing.wait(30)
            return
        body = self.files.get(path)
        handler.send_response(200 if body is not None else 404)
        handler.send_header("Content-Length", str(len(body or b"")))
        handler.send_header("Content-Type", "text/html" if path.startswith("/simple") else "application/octet-stream")
        handler.send_header("X-Repo-Commit", COMMIT)
        handler.send_header("ETag", f'"{self.etags.get(path, "an-etag")}"')
        handler.end_headers()
        if handler.command == "GET" and body is not None:
            handler.wfile.write(body)


@contextmanager
def serving() -> Iterator[FileServer]:
    files = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.answer(self)

        def do_HEAD(self) -> None:
            files.answer(self)

        def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        files.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield files
        finally:
            files.closing.set()
            server.shutdown()
            thread.join()


class PackageIndex:
    """A package index on a `FileServer`. `fetched` lists the wheels that were downloaded, by package."""

    def __init__(self, server: FileServer) -> None:
        self.server = server

    def add(self, package: str, version: str, members: dict[str, bytes]) -> str:
        """Offer a wheel with these members; returns the path of its file on the server."""
        name = f"{package.replace('-', '_')}-{version}-py3-none-any.whl"
        wheel = wheel_bytes(package, version, members)
        digest = hashlib.sha256(wheel).hexdigest()
        self.server.files[f"/simple/{package}"] = f'<a href="/files/{name}#sha256={digest}">{name}</a>'.encode()
        self.server.files[f"/files/{name}"] = wheel
        return f"/files/{name}"

    @property
    def fetched(self) -> list[str]:
        files = [path.removeprefix("/files/") for path in self.server.gets if path.startswith("/files/")]
        return [name.split("-")[0].replace("_", "-") for name in files if name.endswith(".whl")]


def wheel_bytes(package: str, version: str, members: dict[str, bytes]) -> bytes:
    info = f"{package.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nRequires-Dist: never-to-be-fetched\n"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return held.getvalue()
