"""Every operation of /openapi.json on the live stack: what its table and its schema promise is
tried, without a word about the operation here. A new route is walked as soon as it is routed; only
what cannot succeed on a fresh tenant is named, with what it answers instead.

Tokens of the wrong kind, no token, and objects of other tenants: test_tenants.py walks the same
tables. Each reply's form: conftest.py."""

import functools
import json
import re
import urllib.parse

import pytest

from rawhttp import Connection
from support import Company, Sim, unique, wait_until
from test_tenants import GUARDED, ROUTES, name_of

PATHS = sorted({path for _, path, _, _ in ROUTES})
WITH_JSON = [route for route in ROUTES if "GW_JSON" in route[3]]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")

NUMBER = "5511999990001"
# What a fresh, connected tenant cannot succeed with: status and code instead.
INSTEAD = {
    "POST /webhook/{provider}/{key}": (404, "not_found"),       # the key is the provider's secret
    "POST /api/admin/change-password": (401, "unauthenticated"),  # the example's password is wrong
    "DELETE /api/admin/providers/{id}": (409, "conflict"),      # it has instances
    "DELETE /api/messages/{id}": (409, "conflict"),             # it was sent
    "POST /message/download": (404, "not_found"),               # a text has no file
    "GET /instance/qrcode": (409, "already_connected"),         # so there is nothing to scan
    "GET /instance/qrcode/image": (409, "already_connected"),
    "GET /api/instances/{id}/qrcode": (409, "already_connected"),
}


# One pixel, as the bytes of a file.
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
         "hgGAWjR9awAAAABJRU5ErkJggg==")


class World:
    """A tenant with one of everything, and the values that requests are filled with."""

    def __init__(self, env, admin, provider):
        self.env, self.admin, self.provider = env, admin, provider
        self.company = Company(admin, provider)
        self.instance = self.company.instance()
        self.hook = self.company.api.post(f"/api/instances/{self.instance['id']}/webhooks", {
            "url": f"{env['GROWHUB_SIM_URL']}/hook/{unique('walk')}", "events": ["*"]})
        self.message = self.company.send(self.instance)
        self.company.wait_status(self.message["id"], "sent", "delivered", "read")
        self.tokens = {"ADMIN": admin.token, "COMPANY": self.company.token,
                       "INSTANCE": self.instance["token"], "ANYONE": None}

    def first(self, path, **wanted):
        """The id of the first row of a list of the company that has these members, once there."""
        return wait_until(lambda: [row for row in self.company.api.get(path)
                                   if row | wanted == row], f"a row of {path}")[0]["id"]

    def dead_letter(self):
        """The id of a message that the provider has just refused."""
        sim = Sim(self.env["GROWHUB_SIM_URL"])
        sim.fault("waha", "status", value=422, rate=1, for_ms=30000)
        message = self.company.send(self.instance)
        self.company.wait_status(message["id"], "failed")
        sim.fault("waha", "status", value=422, rate=0, for_ms=1)
        return message["id"]

    @functools.cached_property
    def group(self):
        api = self.admin.with_token(self.instance["token"])
        return api.post("/group/create", {"name": "Walk", "participants": [NUMBER]})["JID"]

    @functools.cached_property
    def invitation(self):
        api = self.admin.with_token(self.instance["token"])
        return api.get(f"/group/invitelink/{self.group}")["inviteLink"].rpartition("/")[2]

    def ids(self, pattern):
        hooks = f"/api/instances/{self.instance['id']}/webhooks"
        own = {
            "/api/messages": {"id": lambda: self.message["id"]},
            "/api/events": {"id": lambda: self.first("/api/events")},
            "/api/instances": {"id": lambda: self.instance["id"], "wid": lambda: self.hook["id"],
                               "did": lambda: self.first(f"{hooks}/{self.hook['id']}/deliveries",
                                                         status="delivered")},
            "/group": {"jid": lambda: self.group},
            "/api/admin/companies": {"id": lambda: self.company.id},
            "/api/admin/dlq": {"id": self.dead_letter},
            "/api/admin/providers": {"id": lambda: self.provider["id"]},
            "/api/admin/instances": {
                "providerId": lambda: self.provider["id"],
                "externalInstanceId": lambda: self.instance["external_instance_id"]},
        }
        return next((ids for prefix, ids in own.items() if pattern.startswith(prefix)), {})

    def path(self, pattern):
        ids = self.ids(pattern)
        return re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(
            str(ids[m[1]]() if m[1] in ids else "120363000000000001@g.us")), pattern)

    def request(self, route, path=None, body=None, headers=None):
        method, pattern, kind, _ = route
        api = self.admin.with_token(self.tokens[kind])
        return api.request(method, path or self.path(pattern), body, headers)


@pytest.fixture(scope="module")
def world(env, admin, provider):
    made = World(env, admin, provider)
    yield made
    made.company.close()


def body_schema(document, route):
    operation = document.operations[route[0], route[1]]
    return operation["requestBody"]["content"]["application/json"]["schema"]


# ---- paths and methods ----

@pytest.mark.parametrize("path", PATHS)
def test_methods_that_a_path_does_not_know(api, path):
    """405 before any look at a token, and Allow names what there is."""
    known = {method for method, p, _, _ in ROUTES if p == path}
    allowed = known | {"OPTIONS"} | ({"HEAD"} if "GET" in known else set())
    for method in METHODS:
        if method in known:
            continue
        reply = api.request(method, re.sub(r"\{\w+\}", "1", path))
        assert (reply.status, reply.body["code"]) == (405, "method_not_allowed")
        assert set(reply.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", PATHS)
def test_paths_beside_a_path(api, path):
    path = re.sub(r"\{\w+\}", "1", path)
    for wrong in (path + "/", path + "/x/y/z", path.upper(), "/" + path):
        reply = api.request("GET", wrong)
        assert (reply.status, reply.body["code"]) == (404, "not_found"), wrong


@pytest.mark.parametrize("route", [r for r in GUARDED if "{" in r[1]], ids=name_of)
def test_ids_that_are_none(document, world, route):
    """An id of the wrong form is the same 404 as one that does not exist."""
    wrong = {"integer": ("0", "-1", "x", "99999999999", "%00"),
             "string": ("x", "0190a1b2-0000-7000-8000-00000000000")}
    operation = document.operations[route[0], route[1]]
    for parameter in document.parameters(operation):
        schema = parameter["schema"]
        if parameter["in"] != "path" or (schema["type"] == "string" and "format" not in schema):
            continue
        for text in wrong[schema["type"]]:
            pattern = route[1].replace("{" + parameter["name"] + "}", text)
            reply = world.request(route, world.path(pattern), good_body(document, world, route))
            assert (reply.status, reply.body["code"]) == (404, "not_found"), pattern


@pytest.mark.parametrize("route", [r for r in ROUTES if r[0] == "GET"], ids=name_of)
def test_parameters_of_the_wrong_type(document, world, route):
    """422 that names them all; free text cannot be wrong."""
    operation = document.operations[route[0], route[1]]
    wrong = {}
    for parameter in document.parameters(operation):
        schema = parameter["schema"]
        is_judged = schema["type"] != "string" or schema.keys() & {"format", "enum"}
        if parameter["in"] == "query" and is_judged:
            wrong[parameter["name"]] = "no-such"
    if not wrong:
        return
    reply = world.request(route, f"{world.path(route[1])}?{urllib.parse.urlencode(wrong)}")
    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert reply.body["errors"].keys() == wrong.keys()


# ---- bodies ----

@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_bodies_that_are_no_json_object(world, route):
    for text, status, code in ((b'{"a":', 400, "invalid_json"), (b'{"a":1,"a":2}', 400, "invalid_json"),
                               (b'{"a":"\xff"}', 400, "invalid_json"), (b"{} {}", 400, "invalid_json"),
                               (b"[" * 65 + b"]" * 65, 400, "invalid_json"),
                               (b"[]", 422, "validation_failed"), (b"7", 422, "validation_failed")):
        reply = world.request(route, body=text)
        assert (reply.status, reply.body["code"]) == (status, code), text
        assert "body" in reply.body["errors"]
        if text == b'{"a":':
            assert re.search(r"\b5\b", reply.body["message"]), "says where"


@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_media_types(world, route):
    for headers in ({"Content-Type": "text/plain"},
                    {"Content-Type": "application/x-www-form-urlencoded"},
                    {"Content-Encoding": "gzip"}):
        reply = world.request(route, body=b"{}", headers=headers)
        assert (reply.status, reply.body["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_a_body_that_is_too_large(env, world, route):
    """Refused by its declared length, before a byte of it is sent."""
    method, pattern, kind, _ = route
    token = f"Authorization: Bearer {world.tokens[kind]}\r\n" if world.tokens[kind] else ""
    head = (f"{method} {world.path(pattern)} HTTP/1.1\r\nHost: h\r\n{token}"
            f"Content-Type: application/json\r\nContent-Length: {2**31}\r\n\r\n")
    with Connection(env["GROWHUB_URL"]) as connection:
        connection.send(head.encode())
        answer = connection.answer(method)
    assert (answer.status, answer.code) == (413, "content_too_large")


def refused_value(document, schema):
    """A value of a type that the schema refuses; None when it takes any."""
    judged = {"type": schema["type"]} if "type" in schema else schema
    return next((v for v in ({}, [], -1.5, True, "wrong") if document.problems(v, judged)), None)


def wrong_members(document, schema):
    """{name: a value of a wrong type} for every member that can be wrong."""
    found = {name: refused_value(document, member) for name, member in schema["properties"].items()}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_members_of_wrong_types(document, world, route):
    """All of them at once: 422 names each, nested ones with their path."""
    schema = body_schema(document, route)
    wrong = wrong_members(document, schema)
    if wrong:
        reply = world.request(route, body=wrong)
        assert (reply.status, reply.body["code"]) == (422, "validation_failed")
        assert wrong.keys() <= reply.body["errors"].keys()
    for name, member in schema["properties"].items():
        if not member.get("properties"):
            continue
        inner = wrong_members(document, member)
        # What belongs to one type of message is looked at in that type.
        reply = world.request(route, body={"message_type": name, name: inner})
        assert reply.status == 422
        assert {f"{name}.{i}" for i in inner} <= reply.body["errors"].keys()


@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_members_beyond_their_bounds(document, world, route):
    """One less than the least, one more than the most that the document promises to take."""
    low, high = {}, {}
    for name, member in body_schema(document, route)["properties"].items():
        if "minimum" in member:
            low[name], high[name] = member["minimum"] - 1, member["maximum"] + 1
        if member.get("minLength") and "format" not in member:
            low[name] = "5" * (member["minLength"] - 1)
        if "maxLength" in member and "format" not in member:
            high[name] = "5" * (member["maxLength"] + 1)
        if member.get("minItems"):
            low[name] = []
    for wrong in (low, high):
        if wrong:
            reply = world.request(route, body=wrong)
            assert (reply.status, reply.body["code"]) == (422, "validation_failed")
            assert wrong.keys() <= reply.body["errors"].keys()


@pytest.mark.parametrize("route", WITH_JSON, ids=name_of)
def test_members_that_are_missing(document, world, route):
    required = body_schema(document, route)["required"]
    for body in ({}, dict.fromkeys(required)):
        if required:
            reply = world.request(route, body=body)
            assert (reply.status, reply.body["code"]) == (422, "validation_failed")
            assert set(required) <= reply.body["errors"].keys()


# ---- success ----

def good_body(document, world, route):
    """The example of the documentation with the tenant's own values; None: takes no body."""
    if "GW_JSON" not in route[3]:
        return None
    operation = document.operations[route[0], route[1]]
    content = operation["requestBody"]["content"]["application/json"]
    own = {"instance_id": world.instance["id"], "number": NUMBER, "to": NUMBER, "phone": NUMBER,
           "file": PIXEL, "url": world.hook["url"], "base_url": world.provider["base_url"],
           "email": world.env["GROWHUB_SUPERADMIN_EMAIL"]}
    if route[1] == "/api/admin/login":
        own["password"] = world.env["GROWHUB_SUPERADMIN_PASSWORD"]
    if route[1].startswith("/message/"):
        own |= {"id": world.message["id"], "messageId": world.message["id"]}
        own |= {"id": [own["id"]]} if route[1].endswith("/markread") else {}
    if route[1].startswith("/group/"):
        own |= {"groupjid": world.group, "inviteCode": world.invitation}
    body = dict(content.get("example", {}))
    body.update({name: own[name] for name in body.keys() & own.keys()})
    if name_of(route) == "POST /api/instances":
        body["provider_id"] = world.provider["id"]  # one whose health nobody has asked yet
    for name in body.keys() & {"name", "instance_name"}:
        body[name] = unique("walk")
    return body


def is_ending(route):
    """Afterwards the tenant is not what it was."""
    return route[0] == "DELETE" or route[1].endswith(
        ("/token", "/disconnect", "/restart", "/change-password"))


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_success(request, document, world, admin, provider, route):
    """The example of the documentation works, and fields that nobody knows are ignored."""
    if is_ending(route):
        world = World(world.env, admin, provider)
        if not route[1].startswith("/api/admin/companies"):
            request.addfinalizer(world.company.close)
    body = good_body(document, world, route)
    if body is not None:
        body["no_such_field"] = {"deep": [1, {"x": None}]}
    elif "GW_RAW" in route[3]:
        body = b"{}"
    reply = world.request(route, body=body)
    if name_of(route) in INSTEAD:
        assert (reply.status, reply.body["code"]) == INSTEAD[name_of(route)]
        return
    if (reply.status, reply.body["code"] if reply.status > 299 else "") == (501, "not_supported"):
        assert re.search(r"section \d|\(\d+(\.\d+)?\)", reply.body["message"]), "names the contract's section"
        return
    assert 200 <= reply.status < 300, (json.dumps(body, default=str), reply.body)
    assert str(reply.status) in document.operations[route[0], route[1]]["responses"]


def test_exceptions_are_routes():
    assert INSTEAD.keys() <= {name_of(route) for route in ROUTES}
