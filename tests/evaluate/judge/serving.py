"""A local chat endpoint that answers as told, with a token."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "sk-very-secret-token"  # made up


def chat(text, usage=(120, 30)):
    body = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return json.dumps(body)


@dataclass
class Reply:
    body: str = field(default_factory=lambda: chat('{"score": 4, "reason": "Fine."}'))
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: dict


@contextmanager
def serving(*replies: Reply) -> Iterator[tuple[str, list[Seen]]]:
    """Yield the address and what was asked; replies in turn, the last one again and again."""
    replies = replies or (Reply(),)
    seen: list[Seen] = []
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = replies[min(len(seen), len(replies) - 1)]
            seen.append(Seen(self.path, dict(self.headers), sent))
            released.wait(reply.delay_s)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                reply = Reply(f"bad key {self.headers.get('Authorization')}", 401)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body.encode())
            except OSError:
                pass  # the client has stopped waiting

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
