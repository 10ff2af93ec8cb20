"""A small client of GrowHub's REST API that knows its envelope (contracts/growhub-api.md)."""

import json
import urllib.error
import urllib.request


class ApiError(Exception):
    """An answer with success false: status, code, errors by field, the whole body."""

    def __init__(self, method, path, status, body):
        self.status, self.body = status, body
        self.code = body.get("code") if isinstance(body, dict) else None
        self.errors = body.get("errors", {}) if isinstance(body, dict) else {}
        super().__init__(f"{method} {path}: {status} {json.dumps(body) if body else '(no body)'}")


class Reply:
    """Status, headers (case-insensitive get) and the parsed body, where it is JSON."""

    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw
        is_json = "json" in headers.get("Content-Type", "")
        self.body = json.loads(raw) if raw and is_json else None


class Api:
    """One base URL and one token. request() reports any status, call() only success."""

    on_reply = None  # called with (method, path, Reply) of each request, if set

    def __init__(self, base_url, token=None, timeout_s=35):
        self.base_url, self.token, self.timeout_s = base_url, token, timeout_s

    def with_token(self, token):
        return Api(self.base_url, token, self.timeout_s)

    def request(self, method, path, body=None, headers=None):
        """body: bytes go out as they are, anything else as JSON."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.base_url + path, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                reply = Reply(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as e:
            with e:
                reply = Reply(e.code, e.headers, e.read())
        if self.on_reply is not None:
            self.on_reply(method, path, reply)
        return reply

    def call(self, method, path, body=None, headers=None):
        """The envelope's data; ApiError unless the answer is a success."""
        reply = self.request(method, path, body, headers)
        if reply.status >= 300 or not reply.body or reply.body.get("success") is not True:
            raise ApiError(method, path, reply.status, reply.body)
        return reply.body.get("data")

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def login(self, email, password):
        """A client with the superadmin's session token."""
        data = self.post("/api/admin/login", {"email": email, "password": password})
        return self.with_token(data["token"])
