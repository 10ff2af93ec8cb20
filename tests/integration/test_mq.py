"""libcommon/mq against the stack's RabbitMQ: runs the C program mq_smoke."""

import os
import socket
import subprocess
import threading
import urllib.parse

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = "build/asan/integration/mq_smoke"


@pytest.fixture(scope="module")
def program():
    subprocess.run(["make", "-s", "PROFILE=asan", PROGRAM], cwd=REPO, check=True, timeout=300)
    return os.path.join(REPO, PROGRAM)


class Proxy:
    """Forwards TCP connections to an address until they are cut; takes new ones then."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self.open += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def close(self):
        self.listener.close()
        self.cut()


def test_mq_smoke(env, program):
    """Topology, confirms, returns, consuming, pause, queues that come and go."""
    ended = subprocess.run([program], env={**os.environ, **env}, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout


def test_mq_reconnect(env, program):
    """Cut connections come back, with channels, consumers and the unacked delivery."""
    url = urllib.parse.urlsplit(env["GROWHUB_AMQP_URL"])
    proxy = Proxy(url.hostname, url.port or 5672)
    user = f"{url.username or 'guest'}:{url.password or 'guest'}"
    through = f"amqp://{user}@127.0.0.1:{proxy.port}{url.path}"
    output = ""
    with subprocess.Popen([program, "cut"], env={**os.environ, "GROWHUB_AMQP_URL": through},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        for line in child.stdout:
            output += line
            if line == "cut now\n":
                proxy.cut()
        status = child.wait(timeout=60)
    proxy.close()
    assert status == 0, output
