"""Processes of their own for tests of a daemon's life: the shared stack is not disturbed.

A Home is a private directory with one configuration per daemon, on ports of its own, with a
database of its own in the stack's PostgreSQL. Both servers are reached through a Proxy, so
that a test can take them away and bring them back.
"""

import contextlib
import http.client
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import psycopg
import psycopg.conninfo

from paths import REPO, program
from support import unique, wait_until

KINDS = ("gateway", "outboxd", "senderd", "eventd", "healthd")
# What a sanitizer build says when it has found something.
REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error:")
USES_BROKER = ("outboxd", "senderd", "eventd")
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CONF = """\
db: {{ url = "{db_url}"; }};
mq: {{ url = "{mq_url}"; }};
secrets: {{ key = "file:seal.key"; }};
sending: {{ deadline = "5s"; lease_margin = "3s"; in_doubt_wait = "3s"; }};
log: {{ level = "info"; }};
egress_allow = [ "127.0.0.0/8" ];
gateway: {{ listen = "127.0.0.1:{api}"; admin_listen = "127.0.0.1:{gateway}";
	public_url = "http://127.0.0.1:{api}"; }};
outboxd: {{ admin_listen = "127.0.0.1:{outboxd}"; }};
senderd: {{ admin_listen = "127.0.0.1:{senderd}"; }};
eventd: {{ admin_listen = "127.0.0.1:{eventd}"; }};
healthd: {{ admin_listen = "127.0.0.1:{healthd}"; public_url = "http://127.0.0.1:{api}"; }};
"""


MIGRATION_CONF = """\
db: {{ url = "{db_url}"; }};
secrets: {{ key = "file:seal.key"; }};
"""

OWN_GATEWAY_CONF = """\
@include "{stack_conf}"
gateway: {{ listen = "127.0.0.1:{port}"; admin_listen = "127.0.0.1:{admin_port}";
	public_url = "{public_url}"; {keys} }};
"""


def write_private(folder, name, text, mode=0o600):
    """Path of the file written: programs refuse secrets that others may read."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        os.chmod(path, mode)
        f.write(text)
    return path


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


class Proxy:
    """Forwards one loopback port to a server; cut() makes the server absent, open() brings it."""

    def __init__(self, target):
        self.target = target
        self.port = free_ports(1)[0]
        self._selector, self._peers, self._listener = selectors.DefaultSelector(), {}, None
        self._lock, self._ends = threading.Lock(), False
        self._is_frozen = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self):
        with self._lock:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self._selector.register(self._listener, selectors.EVENT_READ)

    def cut(self):
        """Refuse connections and reset those that are there."""
        with self._lock:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
            for peer in list(self._peers):
                self._drop(peer)

    def freeze(self, is_frozen):
        """Keep every connection and pass nothing on, or go on where it stopped."""
        self._is_frozen = is_frozen

    def close(self):
        self._ends = True
        self._thread.join()
        self.cut()

    def _run(self):
        while not self._ends:
            if self._is_frozen:
                time.sleep(0.02)
                continue
            ready = self._selector.select(0.02)
            with self._lock:
                for key, _ in ready:
                    self._serve(key.fileobj)

    def _serve(self, ready):
        if ready is self._listener:
            near, _ = ready.accept()
            far = socket.create_connection(self.target)
            self._peers.update({near: far, far: near})
            self._selector.register(near, selectors.EVENT_READ)
            self._selector.register(far, selectors.EVENT_READ)
        elif ready in self._peers:
            try:
                data = ready.recv(65536)
                self._peers[ready].sendall(data)
            except OSError:
                data = b""
            if not data:
                self._drop(ready)

    def _drop(self, peer):
        """End both halves; the one that was told of second is gone already."""
        other = self._peers.pop(peer, None)
        if other is None:
            return
        del self._peers[other]
        for s in (peer, other):
            self._selector.unregister(s)
            s.close()


class Daemon:
    """One process under test; its stdout and stderr go to a file."""

    def __init__(self, home, kind, conf, env):
        self.kind, self.port = kind, home.ports[kind]
        self.log_path = os.path.join(home.dir, f"{kind}-{unique('log')}")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program(f"growhub-{kind}"), "-c", conf],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=home.env(**env), cwd=home.dir)

    def probe(self, path="/readyz"):
        """(status, body); (0, "") where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def is_ready(self):
        return self.probe()[0] == 200

    def wait_ready(self, timeout=15):
        wait_until(self.is_ready, f"{self.kind} to be ready; {self.log()[-600:]}", timeout)

    def trouble(self):
        """{check: detail} of what is not ok while /readyz says 503, else {}."""
        status, body = self.probe()
        if status != 503:
            return {}
        checks = json.loads(body)["checks"]
        return {name: c["detail"] for name, c in checks.items() if not c["ok"]}

    def wait_trouble(self, check, words, timeout=10):
        wait_until(lambda: words in self.trouble().get(check, ""),
                   f"{self.kind}: {words!r} in check {check}: {self.trouble()}", timeout)

    def log(self, event=None):
        """The log so far, or its lines of one event."""
        with open(self.log_path, errors="replace") as f:
            text = f.read()
        if event is None:
            return text
        return [line for line in text.splitlines() if f" event={event} " in f"{line} "]

    def wait_log(self, event, words="", timeout=10):
        return wait_until(lambda: [line for line in self.log(event) if words in line],
                          f"{event} with {words!r} in {self.kind}'s log", timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, timeout=15):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout)


class Home:
    """A private directory, ports, configuration and processes; close() ends them."""

    def __init__(self, directory, stack_env, database):
        self.dir, self.database = str(directory), database
        self.started = []
        conf = stack_env["GROWHUB_CONF"]
        with open(conf, encoding="utf-8") as f:
            lines = f.read().splitlines()
        urls = {line[:2]: line.split('"')[1] for line in lines if line[:4] in ("db: ", "mq: ")}
        self.db_proxy, self.db_url = self._proxied(urls["db"])
        self.mq_proxy, self.mq_url = self._proxied(urls["mq"])
        self.db_url = self.db_url.rpartition("/")[0] + f"/{database}"
        self.ports = dict(zip(("api", *KINDS), free_ports(1 + len(KINDS))))
        self.write("seal.key", KEY)
        self.conf = self.write("growhub.conf", self.text())

    def text(self):
        """The configuration, all in order."""
        return CONF.format(db_url=self.db_url, mq_url=self.mq_url, **self.ports)

    def write(self, name, text, mode=0o600):
        return write_private(self.dir, name, text, mode)

    def env(self, **more):
        kept = {k: v for k, v in os.environ.items() if k == "PATH" or k.startswith(("ASAN_", "UBSAN_"))}
        return {**kept, "GROWHUB_SCHEMA_DIR": os.path.join(REPO, "schema"), **more}

    def run(self, name, *words):
        """Run a program to its end."""
        return subprocess.run([program(name), *words], stdin=subprocess.DEVNULL, cwd=self.dir,
                              capture_output=True, text=True, env=self.env(), timeout=20, check=False)

    def start(self, kind, conf=None, **env):
        self.started.append(Daemon(self, kind, conf or self.conf, env))
        return self.started[-1]

    def start_all(self):
        return [self.start(kind) for kind in KINDS]

    def migrate(self):
        done = self.run("growhubctl", "-c", self.conf, "migrate")
        assert done.returncode == 0, done.stderr

    def close(self):
        for daemon in self.started:
            if daemon.process.poll() is None:
                daemon.process.kill()
                daemon.process.wait()
        self.db_proxy.close()
        self.mq_proxy.close()
        for daemon in self.started:
            assert not REPORT.search(daemon.log()), daemon.log()

    @staticmethod
    def _proxied(url):
        """(a proxy of the server in url, the url that leads through it)."""
        scheme, _, rest = url.partition("://")
        login, _, place = rest.rpartition("@")
        address, slash, path = place.partition("/")
        host, _, port = address.partition(":")
        proxy = Proxy((host, int(port)))
        proxy.open()
        return proxy, f"{scheme}://{login}@127.0.0.1:{proxy.port}{slash}{path}"


class OwnGateway:
    """A gateway beside the stack's, on the stack's database; keys: further lines of its section."""

    def __init__(self, directory, stack_env, keys):
        self.dir, self.stack_conf = str(directory), stack_env["GROWHUB_CONF"]
        self.port, self.admin_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.public_url = stack_env["GROWHUB_URL"]
        self.log_path = os.path.join(self.dir, "gateway.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program("growhub-gateway"), "-c", self.configure(keys)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._is_ready, "the gateway to be ready", 20)

    def configure(self, keys):
        return write_private(self.dir, "gateway.conf", OWN_GATEWAY_CONF.format(keys=keys, **vars(self)))

    def reload(self, keys):
        count = self.log().count("event=daemon.reloaded")
        self.configure(keys)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("event=daemon.reloaded") > count, "the file to be read")

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0 and not REPORT.search(self.log()), self.log()

    def _is_ready(self):
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=3):
                return True
        return False


class Databases:
    """Makes databases in the stack's PostgreSQL, of the daemons' role; close() drops them."""

    def __init__(self, stack_env):
        self.url = stack_env["GROWHUB_DATABASE_URL"]
        etc = os.path.dirname(stack_env["GROWHUB_CONF"])
        with open(os.path.join(etc, "passwords.json"), encoding="utf-8") as f:
            self.passwords = json.load(f)
        self.names = []

    def execute(self, text, database="postgres"):
        with psycopg.connect(self.url, user="postgres", password=self.passwords["postgres"],
                             dbname=database, autocommit=True) as connection:
            connection.execute(text)

    def make(self, template="template1"):
        name = unique("life").replace("-", "_")
        self.execute(f"CREATE DATABASE {name} OWNER growhub TEMPLATE {template}")
        self.names.append(name)
        return name

    def make_migrated(self):
        """URL, for the daemons' role, of a new database with the schema and no rows."""
        place = psycopg.conninfo.conninfo_to_dict(self.url)
        url = (f"postgresql://growhub:{self.passwords['growhub']}@{place['host']}:{place['port']}"
               f"/{self.make()}")
        with tempfile.TemporaryDirectory() as folder:
            write_private(folder, "seal.key", KEY)
            conf = write_private(folder, "growhub.conf", MIGRATION_CONF.format(db_url=url))
            subprocess.run([program("growhubctl"), "-c", conf, "migrate"], check=True, timeout=60,
                           env=dict(os.environ, GROWHUB_SCHEMA_DIR=os.path.join(REPO, "schema")))
        return url

    def drop(self, name):
        """At once after its use: a DROP is a checkpoint, which brings the some hundred files of
        every other database made meanwhile to the disk, one by one."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self.names.remove(name)

    def close(self):
        for name in list(self.names):
            self.drop(name)
