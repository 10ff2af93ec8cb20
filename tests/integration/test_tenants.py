"""Isolation of tenants: every route of the gateway against every kind of token and the ids of
another company. The routes are read from the tables in gateway/, so that a new one is either
covered here or fails test_every_route_is_covered."""

import glob
import itertools
import json
import os
import re
import time
import urllib.parse

import pytest

from rawhttp import Connection
from support import Company, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROUTE = re.compile(r'\{\s*HTTP_(\w+),\s*"([^"]+)",\s*GW_(ANYONE|ADMIN|COMPANY|INSTANCE),\s*'
                   r'([^,]+),')


def _routes():
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "..", "..", "gateway", "*.c"))):
        with open(path, encoding="utf-8") as source:
            found += ROUTE.findall(source.read())
    assert len(found) > 20, "the route tables look different now: adapt ROUTE"
    return found


ROUTES = _routes()
NAMES = [f"{method} {pattern}" for method, pattern, _, _ in ROUTES]
GUARDED = [route for route in ROUTES if route[2] != "ANYONE"]
# Routes with the id of a company's object in the path.
OWNED = [route for route in ROUTES if route[2] == "COMPANY" and "{" in route[1]]


def name_of(route):
    return f"{route[0]} {route[1]}"


# A body that passes every check of its route, so that only the object decides. {name} is filled
# with the ids of the tenant that is attacked.
BODIES = {
    "PUT /api/instances/{id}": {"instance_name": "taken over"},
    "POST /api/instances/{id}/webhooks": {"url": "http://127.0.0.1:9999/x", "events": ["*"]},
    "PUT /api/instances/{id}/webhooks/{wid}": {"is_active": False},
    "POST /api/instances/{id}/webhooks/{wid}/recover": {
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))},
}
# Company routes without an id in the path: what they must not show or touch is tested by name.
WITHOUT_ID = {"POST /api/instances", "GET /api/instances", "POST /api/messages/send",
              "POST /api/messages/send-batch", "GET /api/messages", "GET /api/events",
              "GET /api/stats", "POST /instance/create", "POST /instance/init",
              "GET /instance/all", "POST /instance/updateAdminFields"}


@pytest.fixture(scope="module")
def tenants(admin, provider):
    """Two companies with an instance, a webhook and a message each."""
    made = []
    for _ in range(2):
        company = Company(admin, provider)
        company.first = company.instance()
        company.hook = company.api.post(f"/api/instances/{company.first['id']}/webhooks", {
            "url": "http://127.0.0.1:9999/hook", "events": ["*"]})
        company.sent = company.send(company.first, content="of one tenant only")
        company.event = wait_until(lambda c=company: c.api.get("/api/events"), "an event")[0]
        made.append(company)
    yield made
    for company in made:
        company.close()


def ids_in(pattern, company):
    """The pattern with the objects of this company."""
    objects = {"/api/messages": company.sent, "/api/events": company.event}
    owned = next((o for prefix, o in objects.items() if pattern.startswith(prefix)), company.first)
    return (pattern.replace("{id}", str(owned["id"]))
            .replace("{wid}", str(company.hook["id"]))
            .replace("{did}", company.event["id"])
            .replace("{jid}", "120363000000000001@g.us")
            .replace("{providerId}", str(company.first["provider_id"]))
            .replace("{externalInstanceId}", company.first["external_instance_id"])
            .replace("{provider}", "waha").replace("{key}", "x" * 22))


def ask(env, source, method, path, token=None, body=None, header="Authorization"):
    """One request from an address of its own; failures of tokens are counted per address."""
    fields = []
    if token is not None:
        fields.append(f"{header}: {'Bearer ' if header == 'Authorization' else ''}{token}")
    data = b"" if body is None else json.dumps(body).encode()
    if data:
        fields += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    with Connection(env["GROWHUB_URL"], source, timeout_s=35) as connection:
        head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", *fields, "", ""])
        connection.send(head.encode() + data)
        return connection.answer(method)


_addresses = (f"127.8.{i // 250}.{i % 250 + 1}" for i in itertools.count())


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_without_a_token(env, tenants, route):
    method, pattern, kind, _ = route
    path, source = ids_in(pattern, tenants[0]), next(_addresses)
    for token in (None, "", "x", "null", "{{token}}", "00000000-0000-4000-8000-000000000000",
                  tenants[0].token[:-1], tenants[0].token + "0", f"{tenants[0].token} x"):
        answer = ask(env, source, method, path, token)
        assert answer.status == 401, (token, answer)
        assert answer.code == ("token_placeholder" if token == "{{token}}" else "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_token_of_the_wrong_kind(env, admin, tenants, route):
    """403, whatever the body: what is behind the token is not looked at."""
    method, pattern, kind, _ = route
    tokens = {"ADMIN": admin.token, "COMPANY": tenants[0].token,
              "INSTANCE": tenants[0].first["token"]}
    del tokens[kind]
    for other, token in tokens.items():
        answer = ask(env, "127.0.0.1", method, ids_in(pattern, tenants[0]), token)
        assert (other, answer.status, answer.code) == (other, 403, "wrong_token_kind")


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_token_in_a_header_of_another_kind(env, admin, tenants, route):
    """`token` is for instance routes, `admintoken` for superadmin routes and for a company's that
    UAZAPI has, and no other."""
    method, pattern, kind, flags = route
    tokens = {"ADMIN": admin.token, "COMPANY": tenants[0].token,
              "INSTANCE": tenants[0].first["token"]}
    own = {"ADMIN": "admintoken", "INSTANCE": "token"}.get(kind)
    if "GW_ADMINTOKEN" in flags:
        own = "admintoken"
    for header in {"token", "admintoken"} - {own}:
        answer = ask(env, next(_addresses), method, ids_in(pattern, tenants[0]), tokens[kind],
                     header=header)
        assert (answer.status, answer.code) == (401, "unauthenticated")


@pytest.mark.parametrize("route", OWNED, ids=name_of)
def test_objects_of_another_company(env, tenants, db, route):
    """404, the same as for ids that do not exist, and nothing changed."""
    method, pattern, _, _ = route
    mine, theirs = tenants
    body = BODIES.get(f"{method} {pattern}")

    def rows():
        return [db.execute(f"SELECT * FROM {table} WHERE company_id = %s ORDER BY 1",
                           [theirs.id]).fetchall()
                for table in ("instances", "instance_webhooks", "webhook_recoveries")] + \
               [db.execute("SELECT count(*) AS n FROM tokens WHERE company_id = %s AND "
                           "revoked_at IS NULL AND expires_at IS NULL", [theirs.id]).fetchall()]

    before = rows()
    answer = ask(env, "127.0.0.1", method, ids_in(pattern, theirs), mine.token, body)
    nobody = ask(env, "127.0.0.1", method,
                 re.sub(r"\{\w+\}", "0190a1b2-0000-7000-8000-000000000000"
                        if re.match("/api/(messages|events)", pattern) else "2147483646", pattern), mine.token, body)
    assert (answer.status, answer.code) == (404, "not_found")
    assert nobody.status == 404
    assert {**answer.body, "request_id": 0} == {**nobody.body, "request_id": 0}
    assert rows() == before
    assert theirs.message(theirs.sent["id"])["status"] != "cancelled"


def test_mixed_ids_of_two_companies(env, tenants):
    """An own instance with another company's webhook, and the reverse."""
    mine, theirs = tenants
    for instance, hook in ((mine.first, theirs.hook), (theirs.first, mine.hook)):
        path = f"/api/instances/{instance['id']}/webhooks/{hook['id']}"
        for method, body in (("PUT", {"is_active": False}), ("DELETE", None)):
            assert ask(env, "127.0.0.1", method, path, mine.token, body).status == 404
        for what in ("test", "rotate-secret", "enable", f"deliveries/{mine.event['id']}/retry"):
            answer = ask(env, "127.0.0.1", "POST", f"{path}/{what}", mine.token)
            assert answer.status == 404, what


def test_lists_show_own_rows_only(tenants):
    for mine, theirs in (tenants, tenants[::-1]):
        for path in ("/api/instances?limit=200", "/api/messages?limit=200",
                     "/api/events?limit=200", f"/api/events?instance_id={theirs.first['id']}",
                     f"/api/messages?instance_id={theirs.first['id']}"):
            reply = mine.api.request("GET", path)
            assert {row["company_id"] for row in reply.body["data"]} <= {mine.id}
            assert theirs.sent["id"] not in reply.raw.decode()


def test_sending_through_another_companys_instance(tenants, db):
    mine, theirs = tenants
    reply = mine.api.request("POST", "/api/messages/send", {
        "instance_id": theirs.first["id"], "phone_to": "5511999990001", "content": "stolen"})
    assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert db.execute("SELECT count(*) AS n FROM messages WHERE content = 'stolen'"
                      ).fetchone()["n"] == 0


def test_names_are_unique_per_company_only(tenants):
    """Whether a name is taken elsewhere cannot be found out."""
    mine, theirs = tenants
    reply = mine.api.request("PUT", f"/api/instances/{mine.first['id']}",
                             {"instance_name": theirs.first["instance_name"]})
    assert reply.status == 200


def test_keys_of_idempotency_are_per_company(tenants):
    sent = [company.api.request(
        "POST", "/api/messages/send", {"instance_id": company.first["id"],
                                       "phone_to": "5511999990001", "content": company.token[:8]},
        {"Idempotency-Key": "one-key-of-two-tenants"}) for company in tenants]
    assert [reply.status for reply in sent] == [201, 201]
    assert all("Idempotency-Replayed" not in reply.headers for reply in sent)
    assert [reply.body["data"]["company_id"] for reply in sent] == [c.id for c in tenants]


@pytest.mark.parametrize("path", ["/api/messages", "/api/instances", "/api/events",
                                  "/api/instances/{id}/webhooks"])
def test_cursors_of_another_company(tenants, path):
    mine, theirs = tenants
    for company in tenants:
        company.send(company.first)
        company.instance(is_connected=False)
        company.api.post(f"/api/instances/{company.first['id']}/webhooks", {
            "url": "http://127.0.0.1:9999/more", "events": ["*"]})
    cursor = theirs.api.request("GET", f"{ids_in(path, theirs)}?limit=1").body["next_cursor"]
    assert theirs.api.request("GET", f"{ids_in(path, theirs)}?cursor={cursor}").status == 200
    reply = mine.api.request("GET", f"{ids_in(path, mine)}?cursor={cursor}")
    assert (reply.status, reply.body["code"]) == (400, "invalid_cursor")


def test_every_byte_of_a_cursor_counts(tenants):
    api = tenants[0].api
    tenants[0].send(tenants[0].first)
    cursor = api.request("GET", "/api/messages?limit=1").body["next_cursor"]
    tampered = [cursor[:i] + ("A" if c != "A" else "B") + cursor[i + 1:]
                for i, c in enumerate(cursor)]
    tampered += [cursor[:-1], cursor + "A", cursor + "=", "A" * 900]
    for text in tampered:
        reply = api.request("GET", f"/api/messages?cursor={urllib.parse.quote(text)}")
        assert (reply.status, reply.body["code"]) == (400, "invalid_cursor"), text


def test_every_route_is_covered():
    """A company route without an id in its path needs a test by name here."""
    open_ones = {name for name, (_, pattern, kind, _) in zip(NAMES, ROUTES)
                 if kind == "COMPANY" and "{" not in pattern}
    assert open_ones == WITHOUT_ID
    writing = {name for name, (_, _, kind, flags) in zip(NAMES, ROUTES)
               if kind == "COMPANY" and re.search(r"GW_JSON\b", flags)}
    assert writing - WITHOUT_ID == set(BODIES)
