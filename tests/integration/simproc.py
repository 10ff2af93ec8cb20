"""growhub-sim run by itself, and an endpoint for its webhooks: what its own tests share."""

import glob
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find_sim():
    """The program GROWHUB_SIM names, else that of GROWHUB_PROFILE, else the newest build."""
    profile = os.environ.get("GROWHUB_PROFILE", "*")
    found = glob.glob(os.path.join(TOP, "build", profile, "bin", "growhub-sim"))
    return os.environ.get("GROWHUB_SIM") or max(found, key=os.path.getmtime, default=None)


def wait_for(condition, seconds=3.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    return condition()


class Sim:
    def __init__(self, *options):
        self.process = subprocess.Popen([find_sim(), "--listen", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("growhub-sim: listening on http://"), line
        self.url = line.split()[-1]

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(5) == 0
        self.process.stdout.close()

    def call(self, method, path, body=None, headers=None, key="sim", timeout=5):
        """(status, decoded body or None)"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers=dict(headers or {}))
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if key is not None:
            request.add_header("X-Api-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        return status, (json.loads(raw) if raw else None)

    def control(self, path, body=None):
        status, answer = self.call("GET" if body is None else "POST", "/_sim/" + path, body)
        assert status == 200, answer
        return answer


class Receiver:
    """What GrowHub's gateway would be: an endpoint of its own that keeps the posts."""

    def __init__(self):
        self.posts, self.fail_next = [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((dict(self.headers), body, time.monotonic()))
                failed = outer.fail_next > 0
                outer.fail_next -= failed
                self.send_response(503 if failed else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, name, key="event"):
        return [e for e in (json.loads(b) for _, b, _ in list(self.posts)) if e[key] == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

