"""Every error that /openapi.json documents for a route is provoked on that route, or stands below
with the reason why it is not. The codes come from gateway/errors.c, the routes from its tables: a
new one of either is provoked as soon as it exists, or fails."""

import concurrent.futures
import contextlib
import functools
import os
import re
import threading
import time
import uuid

import pytest

from api import Api
from rawhttp import Connection
from support import unique, wait_until
from test_contract_walk import LEFT
from test_tenants import HERE, ROUTES, ask, name_of
from walk import ENDING, FIRST, World

with open(os.path.join(HERE, "..", "..", "gateway", "errors.c"), encoding="utf-8") as _source:
    CODES = re.findall(r'\[GW_E_\w+\]\s*=\s*\{(\d+), "(\w+)"', _source.read())
assert len(CODES) > 25, "the table looks different now: adapt CODES"
PARALLEL = 100
NOBODY = {"integer": "2147483646", "string": "0190a1b2-0000-7000-8000-000000000000",
          "jid": "120363000000009999@g.us", "externalInstanceId": "no-such-session"}

NOT_PROVOKED = {
    "internal": "only a defect answers so",
    "overloaded": "a queue of the gateway must be full: tests/bench and test_disorder.py",
    "idempotency_in_progress": "the key must expire between two statements of one request",
}
UNSAID = {"method_not_allowed": "of paths, not of operations: test_contract_walk.py",
          "forbidden": "no route has a reason for it", "quota_exceeded": "no quota yet"}
BY_TABLE = "501 comes first: the provider, or its engine, has no such call"
WITHOUT_CALL = {name for (kind, name), left in LEFT.items() if left is None and kind == "waha"} | {
    "POST /contact/block", "POST /contact/unblock", "POST /chat/block", "POST /message/forward"}
EXCEPT = {(code, name): BY_TABLE for name in WITHOUT_CALL for code in (
    "provider_error", "provider_rejected", "provider_unavailable", "provider_timeout", "not_found",
    "instance_not_connected", "idempotency_key_reused")} | {
    ("not_ready", name): "answers without the database"
    for name in ("GET /health", "GET /openapi.json", "GET /docs")} | {
    ("not_found", f"POST {path}"): "WAHA knows every number: it never says so of one"
    for path in ("/contact/add", "/chat/details", "/chat/check", "/group/create",
                 "/message/presence")}


class Bench(World):
    """A tenant that is well, and others with whom something is wrong."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.victims, self.filled = {}, {}


    @functools.cached_property
    def suspended(self):
        other = World(self.env, self.admin, self.provider)
        self.admin.put(f"/api/admin/companies/{other.company.id}", {"status": "suspended"})
        self._wait_known(other, "COMPANY", "company_inactive")
        self._wait_known(other, "INSTANCE", "company_inactive")
        return other

    @functools.cached_property
    def deleted(self):
        other = World(self.env, self.admin, self.provider)
        other.company.api.delete(other.path)
        self._wait_known(other, "INSTANCE", "instance_deleted")
        return other

    def _wait_known(self, other, kind, code):
        """Every gateway has heard of it."""
        path = {"COMPANY": "/api/instances", "INSTANCE": "/instance/status"}[kind]
        for url in self.env["GROWHUB_GATEWAY_URLS"].split():
            api = Api(url, other.tokens[kind])
            wait_until(lambda a=api: a.request("GET", path).body.get("code") == code, code)

    @functools.cached_property
    def disconnected(self):
        other = World(self.env, self.admin, self.provider)
        other.group, other.invitation
        other.sim.session(other.session, status="STOPPED")
        other.wait_instance("disconnected")
        return other

    @functools.cached_property
    def muted(self):
        """Its webhook is switched off."""
        other = World(self.env, self.admin, self.provider)
        other.path_of_retry = other.fill(
            "/api/instances/{id}/webhooks/{wid}/deliveries/{did}/retry")
        FIRST["POST /api/instances/{id}/webhooks/{wid}/enable"](other)
        return other

    @functools.cached_property
    def dark(self):
        """At a provider that nobody can reach any more."""
        row = self.admin.post("/api/admin/providers", {
            "type": "waha", "name": unique("dark"), "base_url": self.provider["base_url"],
            "api_key": "sim"})
        other = World(self.env, self.admin, row)
        other.group, other.invitation
        self.admin.put(f"/api/admin/providers/{row['id']}", {"base_url": "http://127.0.0.1:9"})
        return other

    @functools.cached_property
    def elsewhere(self):
        """An instance at a provider whose messages nobody here can translate."""
        row = self.admin.post("/api/admin/providers", {
            "type": "uazapi", "name": unique("elsewhere"), "api_key": "sim",
            "base_url": f"{self.env['GROWHUB_SIM_URL']}/nothing"})
        # A type that the schema knows already, and the API not yet.
        self.owner.execute("UPDATE providers SET type = 'evolution' WHERE id = %s", (row["id"],))
        return self.company.api.post("/api/instances", {
            "instance_name": unique("elsewhere"), "provider_id": row["id"]})

    @functools.cached_property
    def letters(self):
        """Made at once: while one is made, every other request to the provider fails too."""
        return [super(Bench, self).dead_letter() for _ in range(3)]

    def dead_letter(self):
        return self.letters[0]

    def fill(self, pattern):
        if pattern not in self.filled:
            self.filled[pattern] = super().fill(pattern)
        return self.filled[pattern]

    def for_route(self, route):
        return self.victims.get(name_of(route), self)

    @contextlib.contextmanager
    def with_victims(self, pool, routes):
        """Tenants of their own for routes that may succeed and spoil the next one's."""
        names = [name for name in map(name_of, routes)
                 if ENDING.match(name) or name == "GET /instance/status"]
        made = list(pool.map(lambda _: World(self.env, self.admin, self.provider), names))
        self.victims = dict(zip(names, made))
        yield
        self.victims = {}
        for world in made:
            world.company.close()

    def close(self):
        for name in ("deleted", "disconnected", "dark", "muted"):
            if name in self.__dict__:
                self.__dict__[name].company.close()
        self.company.close()


@pytest.fixture(scope="module")
def bench(env, admin, provider):
    made = Bench(env, admin, provider)
    for _, pattern, _, _ in ROUTES:
        made.fill(pattern)  # while all is well
    made.invitation
    yield made
    made.close()


# ---- one provoker per code: (bench, document, route) -> reply ----

def ask_with(**parts):
    """The documented example, with these parts instead."""
    def provoke(b, document, route):
        b = b.for_route(route)
        path = b.fill(route[1])
        body = parts.get("body", b.body(document, route))
        if "query" in parts:
            path += f"?{parts['query']}"
        return b.request(route, path, body, parts.get("headers"))
    return provoke


def ask_as(name):
    """The documented example with the token of another tenant, who may be gone for long."""
    def provoke(b, document, route):
        api = getattr(b, name).api(route[2])
        return api.request(route[0], b.fill(route[1]), b.body(document, route))
    return provoke


def ask_in_the_dark(b, document, route):
    return b.dark.request(route, body=b.dark.body(document, route))


def ask_disconnected(b, document, route):
    world = b.for_route(route)
    if world is b:
        world = b.disconnected
    elif "qrcode" in route[1]:
        world.sim.session(world.session, status="STOPPED")
        world.wait_instance("disconnected")
    else:  # they bring it back or down, unless the provider has lost it
        world.lose_session()
    return world.request(route, body=world.body(document, route))


def wrong_kind(b, document, route):
    api = b.admin.with_token(b.tokens["COMPANY" if route[2] != "COMPANY" else "INSTANCE"])
    return api.request(route[0], b.fill(route[1]), b.body(document, route))


LOGIN = {"email": "nobody@growhub.test", "password": "wrong password"}


def ask_from(block, token):
    """From an address of the route's own, since failures are counted by address."""
    def provoke(b, document, route):
        if name_of(route) in FIRST and "GW_RAW" in route[3]:
            return b.request(route, **FIRST[name_of(route)](b))
        is_login = route[1] == "/api/admin/login"
        body = LOGIN if is_login else b.body(document, route)
        path = b.fill(route[1])
        return ask(b.env, f"127.9.{block}.{ROUTES.index(route) + 1}", route[0], path, token, body)
    return provoke


def too_large(b, document, route):
    """By its declared length, before a byte of it is sent."""
    token = b.tokens[route[2]]
    head = [f"{route[0]} {b.fill(route[1])} HTTP/1.1", "Host: h", f"Content-Length: {2**31}",
            "Content-Type: application/json"]
    head += [f"Authorization: Bearer {token}"] if token else []
    with Connection(b.env["GROWHUB_URL"]) as connection:
        connection.send("\r\n".join([*head, "", ""]).encode())
        return connection.answer(route[0])


def too_many_failures(b, document, route):
    """From an address of its own, at one gateway, until its budget is spent."""
    source, token = f"127.9.3.{ROUTES.index(route) + 1}", str(uuid.uuid4())
    env = {"GROWHUB_URL": b.env["GROWHUB_GATEWAY_URLS"].split()[0]}
    body = LOGIN if route[1] == "/api/admin/login" else b.body(document, route)
    path = b.fill(route[1])
    failure, count = 401, 30
    if path.startswith("/webhook/"):  # of its own, by wrong keys: gateway.webhook_failures
        path, body, failure, count = "/webhook/waha/nobodys", {}, 404, 310
    for _ in range(count):
        answer = ask(env, source, route[0], path, token, body)
        if answer.status != failure:
            break
    return answer


def of_nobody(b, document, route):
    """Ids that do not exist, in the path or in the body; else the provider does not know it."""
    path = route[1]
    for parameter in document.parameters(document.operations[route[0], route[1]]):
        unknown = NOBODY.get(parameter["name"], NOBODY[parameter["schema"]["type"]])
        path = path.replace("{" + parameter["name"] + "}", unknown)
    body = b.body(document, route)
    if isinstance(body, dict):
        unknown = {"instance_id": int(NOBODY["integer"]), "provider_id": int(NOBODY["integer"]),
                   "id": NOBODY["string"], "messageId": NOBODY["string"],
                   "groupjid": NOBODY["jid"], "inviteCode": "nobodys"}
        body |= {k: [v] if isinstance(body[k], list) else v
                 for k, v in unknown.items() if k in body}
        if path == "/webhook":
            body |= {"action": "update", "id": "r0000007fffffff"}
    return b.request(route, path, body)


def reused_key(b, document, route):
    key = {"Idempotency-Key": unique("reused")}
    b = b.for_route(route)
    body, path = b.body(document, route) or {}, b.fill(route[1])
    if route[1] == "/api/admin/dlq/replay":
        body = {"company_id": int(NOBODY["integer"])}  # it would take the letters of others
    if route[1].endswith("/token"):
        body = {"overlap_seconds": 60}  # the tenant goes on with its old one
    if route[1].endswith("/{id}/replay"):
        path = f"/api/admin/dlq/{b.letters[2]}/replay"
    reply = b.request(route, path, body, key)
    assert reply.status < 300, reply.body
    return b.request(route, path, {**body, "another": 1}, key)


def duplicate_name(b, document, route):
    body, path = b.body(document, route), b.fill(route[1])
    is_provider = route[1].startswith("/api/admin")
    taken = b.provider["name"] if is_provider else b.elsewhere["instance_name"]
    body |= {"name": taken} if "instance_name" not in body else {"instance_name": taken}
    if name_of(route) == "PUT /api/instances/{id}":
        body["instance_name"] = taken
    if "{" in path + route[1] and is_provider:
        path = FIRST["DELETE /api/admin/providers/{id}"](b)["path"]
    return b.request(route, path, body)


def bad_parameters(b, document, route):
    if "GW_JSON" in route[3]:
        return b.request(route, body=b"[]")
    return b.request(route, b.fill(route[1]) + "?limit=0&timeline=x&format=x&since=x")


def not_supported(b, document, route):
    """Sends ask our table of providers, direct calls the provider itself."""
    if "/send" not in route[1]:
        return ask_with()(b, document, route)
    body = b.body(document, route)
    if route[2] == "COMPANY":
        return b.request(route, body=body | {"instance_id": b.elsewhere["id"]})
    return b.admin.with_token(b.elsewhere["token"]).request(route[0], route[1], body)


def no_provider(b, document, route):
    name = unique("nowhere")
    return b.request(route, body={"instance_name": name, "name": name})


# What an object's state does not allow: {route: (bench) -> parts of the request}
def _replayed(b):
    path = f"/api/admin/dlq/{b.letters[1]}/replay"
    b.admin.post(path, None)
    return {"path": path}


def _rotated(b):
    """By one who has more secrets than are good at a time."""
    path = f"{b.muted.path}/webhooks/{b.muted.hook['id']}/rotate-secret"
    wait_until(lambda: b.muted.company.api.request("POST", path).status == 409, "many secrets")
    return {"by": b.muted}


def _switched_off(b):
    row = b.admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("off"), "is_active": False,
        "base_url": b.provider["base_url"]})
    return {"body": {"instance_name": unique("off"), "provider_id": row["id"]}}


def _recovering(b):
    """The first is not looked at before the second comes."""
    body = {"since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))}
    path = f"{b.path}/webhooks/{b.hook['id']}/recover"
    b.company.api.request("POST", path, body)
    return {"path": path, "body": body}


def _moved(b):
    """It is at the new provider already; its old session is not gone yet."""
    target = b.admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("moved"), "api_key": "sim",
        "base_url": b.provider["base_url"].replace("/waha", "/uazapi")})
    path = f"/api/admin/instances/{b.company.instance()['id']}/move"
    b.admin.request("POST", path, {"provider_id": target["id"]})
    wait_until(lambda: b.admin.get(path)["state"] == "cleaning", "the switch", 40)
    return {"path": path}


def _full(b):
    """An instance with as many webhooks as it may have."""
    row = b.company.instance()
    b.owner.execute(
        "INSERT INTO instance_webhooks (company_id, instance_id, url, events, event_mask, is_active)"
        " SELECT company_id, id, 'http://127.0.0.1:9/', '{*}', 1, false"
        " FROM instances, generate_series(1, 100) WHERE id = %s", (row["id"],))
    return row


CONFLICTS = {
    "POST /api/admin/instances/{id}/move": lambda b: {
        "body": {"provider_id": b.provider["id"]}},
    "DELETE /api/admin/instances/{id}/move": _moved,
    "POST /api/instances": _switched_off,
    "DELETE /api/admin/providers/{id}": lambda b: {},
    "POST /api/admin/dlq/{id}/replay": _replayed,
    "DELETE /api/messages/{id}": lambda b: {},  # it was read
    "POST /api/instances/{id}/webhooks": lambda b: {
        "path": f"/api/instances/{_full(b)['id']}/webhooks"},
    "POST /api/instances/{id}/webhooks/{wid}/rotate-secret": _rotated,
    "POST /api/instances/{id}/webhooks/{wid}/recover": _recovering,
    "POST /api/instances/{id}/webhooks/{wid}/deliveries/{did}/retry": lambda b: {
        "by": b.muted, "path": b.muted.path_of_retry},
    "POST /api/instances/{id}/webhooks/{wid}/test": lambda b: {"by": b.muted},
}


def conflict(b, document, route):
    if route[1].startswith("/send/"):
        return cancelled_while_waiting(b.disconnected, document, route)
    if route[1].startswith("/message/"):
        body, waits = b.body(document, route), b.scheduled()
        body |= {k: [waits] if isinstance(body[k], list) else waits
                 for k in body.keys() & {"id", "messageId"}}
        return b.request(route, body=body)
    if route[1] == "/webhook":
        return b.admin.with_token(_full(b)["token"]).request(*route[:2], b.body(document, route))
    parts = CONFLICTS[name_of(route)](b)
    return parts.get("by", b).request(route, parts.get("path"), parts.get("body", b.body(document, route)))


def cancelled_while_waiting(b, document, route):
    """The instance is not connected, so the send waits; meanwhile the company cancels it."""
    reference = unique("cancel")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(b.request, route, None,
                             b.body(document, route) | {"track_id": reference},
                             {"Prefer": "wait=20"})
        rows = wait_until(lambda: b.company.api.get(f"/api/messages?reference={reference}"),
                          "the message")
        b.company.api.delete(f"/api/messages/{rows[0]['id']}")
        return answer.result()


def bad_signature(b, document, route):
    return b.request(route, body=b"{}", headers={"X-Webhook-Hmac": "0" * 128})


def rejected(b, document, route):
    """Sends tell of it when the message failed for good."""
    return b.request(route, body=b.body(document, route))


PROVOKED = {
    "invalid_json": ask_with(body=b'{"a":'),
    "invalid_query": ask_with(query="%ff"),
    "invalid_cursor": ask_with(query="cursor=nonsense"),
    "invalid_idempotency_key": ask_with(headers={"Idempotency-Key": "a b"}),
    "unauthenticated": ask_from(0, str(uuid.uuid4())),
    "token_placeholder": ask_from(1, "{{token}}"),
    "invalid_signature": bad_signature,
    "wrong_token_kind": wrong_kind,
    "company_inactive": ask_as("suspended"),
    "instance_deleted": ask_as("deleted"),
    "not_found": of_nobody,
    "conflict": conflict,
    "duplicate_name": duplicate_name,
    "already_connected": ask_with(),
    "instance_not_connected": ask_disconnected,
    "content_too_large": too_large,
    "unsupported_media_type": ask_with(body=b"{}", headers={"Content-Encoding": "gzip"}),
    "validation_failed": bad_parameters,
    "idempotency_key_reused": reused_key,
    "too_many_failures": too_many_failures,
    "not_supported": not_supported,
    "provider_error": ask_with(),
    "provider_rejected": ask_with(),
    "provider_unavailable": ask_in_the_dark,
    "provider_timeout": ask_with(),
    "no_provider": no_provider,
    "not_ready": ask_from(2, str(uuid.uuid4())),
}


# ---- what is the matter meanwhile ----

@contextlib.contextmanager
def no_provider_is_active(b):
    ids = [row["id"] for row in b.owner.execute(
        "UPDATE providers SET is_active = false WHERE is_active RETURNING id")]
    yield
    b.owner.execute("UPDATE providers SET is_active = true WHERE id = ANY (%s)", (ids,))


@contextlib.contextmanager
def tables_are_locked(b):
    """Nobody can look up a token or a login, nor store what a provider posts. Who waits is
    cancelled, as statement_timeout does, only sooner."""
    over = threading.Event()

    def cancel():
        while not over.wait(0.1):
            b.owner.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                            "WHERE wait_event_type = 'Lock' AND pid != pg_backend_pid()")

    with b.owner.transaction(), concurrent.futures.ThreadPoolExecutor(1) as pool:
        b.owner.execute("LOCK TABLE tokens, admins, admin_sessions, inbound_events")
        canceller = pool.submit(cancel)
        yield
        over.set()
        canceller.result()


WHILE = {
    "not_supported": lambda b: b.sim.failing("status", 501),
    "provider_error": lambda b: b.sim.failing("status", 500),
    "provider_rejected": lambda b: b.sim.failing("status", 422),
    "provider_timeout": lambda b: b.sim.failing("hang", 20000),
    "no_provider": no_provider_is_active,
    "not_ready": tables_are_locked,
}


# Other routes than those that fail may do what they say.
SPOILING = {*WHILE, "instance_not_connected", "idempotency_key_reused", "already_connected"}


def documents(document, code):
    return [route for route in ROUTES if any(
        code in document.codes(document.operations[route[0], route[1]], status)
        for status in document.operations[route[0], route[1]]["responses"])]


@pytest.mark.parametrize("code", [c for c in CODES if c[1] not in NOT_PROVOKED | UNSAID],
                         ids=lambda c: c[1])
def test_documented_error(document, bench, owner, code):
    status, word = int(code[0]), code[1]
    routes = [r for r in documents(document, word) if (word, name_of(r)) not in EXCEPT]
    assert routes, "no route documents it: a case for UNSAID"

    def answer(route):
        reply = PROVOKED[word](bench, document, route)
        body = reply.body or {}
        return name_of(route), reply.status, body.get("code")

    bench.owner = owner
    meanwhile = WHILE.get(word, lambda b: contextlib.nullcontext())
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        victims = routes if word in SPOILING else []
        with bench.with_victims(pool, victims), meanwhile(bench):
            answers = list(pool.map(answer, routes))
    wrong = [a for a in answers if a[1:] != (status, word)]
    assert not wrong, "\n".join(map(str, wrong))


def test_what_is_not_provoked(document):
    assert not any(documents(document, word) for word in UNSAID)
    assert {word for _, word in CODES} == PROVOKED.keys() | NOT_PROVOKED.keys() | UNSAID.keys()
