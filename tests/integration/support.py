"""What integration tests share: the simulator's client, waiting, tenants to test with."""

import contextlib
import glob
import itertools
import json
import os
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from paths import REPO, program

_serial = itertools.count(1)


def wait_until(predicate, what, timeout=10):
    """Poll until predicate() is true and return its value; tests never sleep fixed times."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what}; last value: {value!r}")
        time.sleep(0.02)


def unique(word):
    """A name no other test of this run uses."""
    return f"{word}-{next(_serial)}-{time.time_ns() % 1_000_000_000}"


@contextlib.contextmanager
def paused(env, kind):
    """The stack's processes of that kind stand still (SIGSTOP) inside the block."""
    stack = os.path.dirname(os.path.dirname(env["GROWHUB_CONF"]))
    pids = []
    for path in glob.glob(os.path.join(stack, "run", f"{kind}-*.pid")):
        with open(path, encoding="ascii") as f:
            pids.append(int(f.read()))
    assert pids, f"no {kind} in {stack}"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Daemon:
    """A process of the stack, to be killed and started again."""

    def __init__(self, env, name):
        self.dir, self.name = os.path.dirname(os.path.dirname(env["GROWHUB_CONF"])), name

    def _stack(self, *words):
        subprocess.run([os.path.join(REPO, "tests", "stack", "stack"), words[0], self.dir,
                        self.name, *words[1:]], check=True, capture_output=True, timeout=60)

    def kill(self):
        self._stack("kill", "KILL")

    def restart(self):
        self._stack("restart")


class Sim:
    """growhub-sim's control routes (HARNESS.md)."""

    on_post = None  # called with (headers, body) of every post of ours to a webhook, once

    def __init__(self, url):
        self.url, self._seen = url, set()

    def stats(self):
        return self._call("GET", "/_sim/stats")

    def messages(self, session, provider="waha", since=0):
        query = urllib.parse.urlencode({"provider": provider, "session": session, "since": since})
        return self._call("GET", f"/_sim/messages?{query}")

    def actions(self, session=None, since=0):
        """What was asked of the provider besides sends, oldest first."""
        query = {"since": since} | ({"session": session} if session else {})
        return self._call("GET", f"/_sim/actions?{urllib.parse.urlencode(query)}")

    def received(self, hook, since=0):
        posts = self._call("GET", f"/_sim/received/{hook}?since={since}")
        for post in posts:
            is_ours = post["headers"].get("x-webhook-source") == "GrowHub-Gateway"
            if Sim.on_post is not None and is_ours and (hook, post["n"]) not in self._seen:
                self._seen.add((hook, post["n"]))
                Sim.on_post(post["headers"], post["body"])
        return posts

    def hook_url(self, hook):
        return f"{self.url}/hook/{hook}"

    def set_hook(self, hook, **settings):
        """secret, status, delay_ms: how the hook verifies and answers."""
        return self._call("POST", f"/_sim/hooks/{hook}", settings)

    def fault(self, scope, kind, **settings):
        """value, rate, for_ms."""
        return self._call("POST", "/_sim/faults", {"scope": scope, "kind": kind, **settings})

    @contextlib.contextmanager
    def failing(self, kind, value, scope="waha"):
        """Every request of that scope fails so inside the block."""
        self.fault(scope, kind, value=value, rate=1, for_ms=60000)
        try:
            yield
        finally:
            self.fault(scope, kind, value=value, rate=0, for_ms=1)

    def inbound(self, session, sender, provider="waha", **content):
        """content: text=, raw=, or kind= and what it needs (tests/sim/*_inbound.c)."""
        return self._call("POST", "/_sim/inbound",
                          {"provider": provider, "session": session, "from": sender, **content})

    def session(self, name, provider="waha", **changes):
        """The session at the provider; with changes (status=, is_paired=, is_broken=) the phone
        or the engine acts first."""
        if changes:
            return self._call("POST", "/_sim/session",
                              {"provider": provider, "session": name, **changes})
        return self._call("GET", f"/_sim/session?provider={provider}&session={name}")

    def sessions(self, provider="waha"):
        """Names of all sessions that the provider has."""
        path = {"waha": "/waha/api/sessions?all=true", "uazapi": "/uazapi/instance/all"}[provider]
        return [row["name"] for row in self._call("GET", path, headers={"admintoken": "sim"})]

    def forget(self, session, provider="waha"):
        """The provider loses a session without a word."""
        if provider == "waha":
            return self._call("DELETE", f"/waha/api/sessions/{session}")
        token = self.session(session, provider)["token"]
        return self._call("DELETE", "/uazapi/instance", headers={"token": token})

    def uazapi(self, **options):
        """What builds of UAZAPI differ in (tests/sim/uazapi.h, struct uz_options)."""
        return self._call("POST", "/_sim/uazapi", options)

    def reset(self):
        """Forgets everything, sessions included: instances made before are unknown afterwards."""
        return self._call("POST", "/_sim/reset", {})

    def engine(self, word):
        """Play another engine from now on: GOWS, NOWEB, WEBJS."""
        self._call("POST", "/_sim/engine", {"engine": word})

    def _call(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json",
                                                  "X-Api-Key": "sim", **(headers or {})})
        with urllib.request.urlopen(request, timeout=10) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None


def add_admin(env):
    """(e-mail, password) of a new superadmin."""
    email, password = f"{unique('admin')}@growhub.test", "a password of its own"
    subprocess.run([program("growhubctl"), "-c", env["GROWHUB_CONF"], "admin", "add", email,
                    "--password-stdin"], input=password + "\n", text=True, check=True)
    return email, password


class Company:
    """A fresh tenant; api speaks with its token. Ended by close()."""

    def __init__(self, admin, provider, **fields):
        self.admin, self.provider = admin, provider
        fields = {"name": unique("company"), "rate_per_minute": 100000,
                  "rate_per_hour": 1000000, **fields}
        self.row = admin.post("/api/admin/companies", fields)
        self.id, self.token = self.row["id"], self.row["token"]
        self.api = admin.with_token(self.token)

    def instance(self, is_connected=True, **fields):
        """A new instance at the simulated provider; waits until it is connected."""
        row = self.api.post("/api/instances", {
            "instance_name": unique("instance"), "provider_id": self.provider["id"], **fields})
        if is_connected:
            path = f"/api/instances/{row['id']}"
            wait_until(lambda: self.api.get(path)["status"] == "connected",
                       f"instance {row['id']} to connect")
        return row

    def send(self, instance, to="5511999990001", content="Hello", **fields):
        return self.api.post("/api/messages/send", {
            "instance_id": instance["id"], "phone_to": to, "content": content, **fields})

    def message(self, message_id, timeline=False):
        return self.api.get(f"/api/messages/{message_id}{'?timeline=1' if timeline else ''}")

    def wait_status(self, message_id, *wanted, timeout=10):
        """Wait until the message has one of the statuses wanted; returns its row."""
        return wait_until(
            lambda: (row := self.message(message_id)) and row["status"] in wanted and row,
            f"message {message_id} to be {' or '.join(wanted)}", timeout)

    def close(self):
        """Instances first: their sessions at the provider end too."""
        for row in self.api.get("/api/instances"):
            self.api.delete(f"/api/instances/{row['id']}")
        self.admin.delete(f"/api/admin/companies/{self.id}")
