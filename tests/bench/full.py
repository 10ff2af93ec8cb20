"""A tenant made through the REST API at the simulated provider, and the simulator's control
routes: what the benchmarks of the whole path share."""

import json
import time
import urllib.request

import subjects
from api import Api
from benchlib import BenchError

HOOK = "bench"
EVENTS = ["on-message-sent", "on-message-delivered", "on-message-read"]


class Sim:
    """growhub-sim (HARNESS.md)."""

    def __init__(self, url):
        self.url = url

    def stats(self):
        return self.call("GET", "/_sim/stats")

    def messages(self, session, since=0):
        return self.call("GET", f"/_sim/messages?session={session}&since={since}")

    def received(self, since=0):
        return self.call("GET", f"/_sim/received/{HOOK}?since={since}")

    def session(self, name):
        """The session as its provider knows it."""
        return self.call("GET", f"/waha/api/sessions/{name}")

    def fault(self, kind, value):
        self.call("POST", "/_sim/faults", {"scope": "waha", "kind": kind, "value": value, "rate": 1})

    def set_webhooks(self, is_enabled):
        self.call("POST", "/_sim/webhooks", {"enabled": is_enabled})

    def inbound(self, session, sender, text):
        return self.call("POST", "/_sim/inbound", {"session": session, "from": sender, "text": text})

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method,
            headers={"Content-Type": "application/json", "X-Api-Key": "sim"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


class FullTenant:
    """A company without quota and its one instance; db: a connection that may write."""

    def __init__(self, env, db, is_connected=True):
        self.sim = Sim(env["GROWHUB_SIM_URL"])
        admin = Api(env["GROWHUB_URL"]).login(
            env["GROWHUB_SUPERADMIN_EMAIL"], env["GROWHUB_SUPERADMIN_PASSWORD"])
        provider = admin.post("/api/admin/providers", {
            "type": "waha", "name": "bench", "base_url": f"{self.sim.url}/waha", "api_key": "sim"})
        company = admin.post("/api/admin/companies", {"name": "bench"})
        self.company, self.token = company["id"], company["token"]
        db.execute("UPDATE companies SET rate_per_minute = %(rate)s, rate_per_hour = %(rate)s WHERE id = %(id)s",
                   {"rate": subjects.RATE_MAX, "id": self.company})
        self.api = admin.with_token(self.token)
        self.instance = self.api.post("/api/instances", {
            "instance_name": "bench", "provider_id": provider["id"]})["id"]
        self.session = db.execute("SELECT external_instance_id FROM instances WHERE id = %s",
                                  [self.instance]).fetchone()[0]
        if is_connected:
            wait_for(lambda: self.api.get(f"/api/instances/{self.instance}")["status"] == "connected",
                     "the instance to connect")

    def add_endpoint(self, events):
        """The simulator's hook HOOK, which verifies signatures, as this company's endpoint."""
        row = self.api.post(f"/api/instances/{self.instance}/webhooks",
                            {"url": f"{self.sim.url}/hook/{HOOK}", "events": events})
        self.sim.call("POST", f"/_sim/hooks/{HOOK}", {"secret": row["secret"]})

    def load(self, env):
        return subjects.Load.sends(env["GROWHUB_URL"], self.token, self.instance)


def wait_for(predicate, what, seconds=30, pause=0.02):
    """Poll until predicate() gives something true; gives it back."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise BenchError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def quantile(values, per_cent):
    """The value that per_cent of all are at or below."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]
