"""HTTP/1.1 as bytes: what an attacker writes to a socket, and every answer that comes back."""

import json
import socket
import time
import urllib.parse


class Answer:
    """One response as it stood on the wire; headers with lower-case names."""

    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    def __repr__(self):
        return f"<{self.status} {self.raw[:120]!r}>"

    @property
    def body(self):
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self):
        return (self.body or {}).get("code")


class Connection:
    """One socket to the server, from a loopback address of choice (budgets are per address)."""

    def __init__(self, url, source="127.0.0.1", timeout_s=15):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port), timeout_s, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.is_closed = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_slowly(self, data, size=1, pause_s=0):
        """size bytes per segment; the server may have had enough before the end."""
        try:
            for at in range(0, len(data), size):
                self.socket.sendall(data[at:at + size])
                time.sleep(pause_s)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.is_closed = piece == b""
        self.buffer += piece
        return not self.is_closed

    def answer(self, method="GET"):
        """The next response; None when the connection ended instead. method: of the request."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                assert self.buffer == b"", f"half an answer: {self.buffer[:200]!r}"
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = dict((n.lower(), v) for n, v in (line.split(": ", 1) for line in lines[1:]))
        status = int(lines[0].split(" ")[1])
        size = 0 if method == "HEAD" or status == 100 else int(headers.get("content-length", 0))
        while len(self.buffer) < size:
            assert self._more(), "the connection ended inside a body"
        raw, self.buffer = self.buffer[:size], self.buffer[size:]
        return Answer(status, headers, raw)

    def answers(self):
        """Every response until the server closes."""
        found = []
        while (one := self.answer()) is not None:
            found.append(one)
        return found

    def is_open(self):
        """A further request is answered on it."""
        try:
            self.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            one = self.answer()
        except (BrokenPipeError, ConnectionResetError):
            return False
        return one is not None and one.status == 200
