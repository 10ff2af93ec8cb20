"""Tenants made through the REST API at the simulated provider, and the simulator's control
routes: what the benchmarks of the whole path share."""

import concurrent.futures
import http.client
import json
import os
import time
import urllib.parse
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
    """A company without quota and its one instance; db: a connection that may write; admin,
    provider: where several tenants share them."""

    def __init__(self, env, db, is_connected=True, name="bench", admin=None, provider=None):
        self.sim = Sim(env["GROWHUB_SIM_URL"])
        admin = admin or login(env)
        provider = provider or add_provider(admin, self.sim, name)
        company = admin.post("/api/admin/companies", {"name": name})
        self.company, self.token = company["id"], company["token"]
        db.execute("UPDATE companies SET rate_per_minute = %(rate)s, rate_per_hour = %(rate)s WHERE id = %(id)s",
                   {"rate": subjects.RATE_MAX, "id": self.company})
        self.api = admin.with_token(self.token)
        self.instance = self.api.post("/api/instances", {
            "instance_name": name, "provider_id": provider})["id"]
        self.session = db.execute("SELECT external_instance_id FROM instances WHERE id = %s",
                                  [self.instance]).fetchone()[0]
        if is_connected:
            wait_for(lambda: self.api.get(f"/api/instances/{self.instance}")["status"] == "connected",
                     "the instance to connect")

    def add_endpoint(self, events, hook=HOOK):
        """A hook of the simulator, which verifies signatures, as this company's endpoint."""
        row = self.api.post(f"/api/instances/{self.instance}/webhooks",
                            {"url": f"{self.sim.url}/hook/{hook}", "events": events})
        self.sim.call("POST", f"/_sim/hooks/{hook}", {"secret": row["secret"]})

    def load(self, env):
        return subjects.Load.sends(env["GROWHUB_URL"], self.token, self.instance)


class Client:
    """Sends of a tenant over one keep-alive connection; measuring starts when the answer is
    complete."""

    def __init__(self, url, tenant):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
        self.headers = {"Authorization": f"Bearer {tenant.token}", "Content-Type": "application/json"}
        self.instance = tenant.instance

    def send(self, text, to="5511999990001"):
        """Microseconds of wall time when the 201 was here."""
        body = json.dumps({"instance_id": self.instance, "phone_to": to, "content": text})
        self.connection.request("POST", "/api/messages/send", body, self.headers)
        answer = self.connection.getresponse()
        raw = answer.read()
        at_us = time.time_ns() // 1000
        if answer.status != 201:
            raise BenchError(f"send: {answer.status} {raw.decode(errors='replace')}")
        return at_us


def login(env):
    """A client with the superadmin's session token."""
    return Api(env["GROWHUB_URL"]).login(env["GROWHUB_SUPERADMIN_EMAIL"], env["GROWHUB_SUPERADMIN_PASSWORD"])


def add_provider(admin, sim, name):
    """Id of a provider row of that name, for any number of instances."""
    return admin.post("/api/admin/providers", {
        "type": "waha", "name": name, "base_url": f"{sim.url}/waha", "api_key": "sim",
        "max_instances": 10000})["id"]


def crowd(env, db, admin, count, providers=1, events=None):
    """`count` connected tenants, at `providers` provider rows in turn; events: of an endpoint
    that each has."""
    sim = Sim(env["GROWHUB_SIM_URL"])
    rows = [add_provider(admin, sim, f"bench{n}") for n in range(providers)]

    def make(n):
        tenant = FullTenant(env, db, is_connected=False, name=f"bench{n}", admin=admin,
                            provider=rows[n % providers])
        if events:
            tenant.add_endpoint(events, f"{HOOK}{n}")
        return tenant

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tenants = list(pool.map(make, range(count)))
    wait_for(lambda: db.execute("SELECT count(*) FROM instances WHERE status = 'connected'").fetchone()[0] == count,
             "the instances to connect", 60)
    return tenants


def load_of(env, senders):
    """growhub-bench sending for several in turn; senders: (tenant, priority or "")."""
    path = os.path.join(env["DIR"], "senders")
    with open(path, "w") as f:
        f.writelines(f"{tenant.token} {tenant.instance} {priority}".rstrip() + "\n" for tenant, priority in senders)
    return subjects.Load("--url", env["GROWHUB_URL"], "--senders", path)


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
