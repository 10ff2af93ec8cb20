"""Every operation of /openapi.json on the live stack: what its table and its schema promise is
tried, without a word about the operation here, and what a success leaves behind is compared with
EFFECTS. A new route is walked as soon as it is routed, and fails until its effects are written down.

Every documented error: test_contract_errors.py. Tokens of the wrong kind, no token, and objects of
other tenants: test_tenants.py walks the same tables. Each reply's form: conftest.py."""

import json
import re
import urllib.parse

import pytest

from rawhttp import Connection
from support import wait_until
from test_tenants import GUARDED, ROUTES, name_of
from walk import ENDING, FIRST, Traces, World

PATHS = sorted({path for _, path, _, _ in ROUTES})
WITH_JSON = [route for route in ROUTES if "GW_JSON" in route[3]]
KINDS = ("waha", "uazapi")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")

# What a success leaves: what WAHA took of an instance there, what UAZAPI took (names of the
# simulator's log), in which tables the tenant's rows change, which events its webhook gets: both
# alike, but for what is marked. 501: that provider has no call for it, and nothing is left.
EFFECTS = """
POST /api/admin/login                  | -               | -                   | admin_sessions        | -
GET /api/admin/me                      | -               | -                   | -                     | -
POST /api/admin/change-password        | -               | -                   | admins admin_sessions | -
GET /api/admin/health                  | -               | -                   | -                     | -
GET /api/admin/companies               | -               | -                   | -                     | -
POST /api/admin/companies              | -               | -                   | companies tokens      | -
GET /api/admin/companies/{id}          | -               | -                   | -                     | -
PUT /api/admin/companies/{id}          | -               | -                   | companies             | -
DELETE /api/admin/companies/{id}       | -               | -                   | companies tokens messages | message.cancelled
POST /api/admin/companies/{id}/token   | -               | -                   | tokens                | -
GET /api/admin/providers               | -               | -                   | -                     | -
POST /api/admin/providers              | -               | -                   | providers             | -
GET /api/admin/providers/{id}          | -               | -                   | -                     | -
PUT /api/admin/providers/{id}          | -               | -                   | providers             | -
DELETE /api/admin/providers/{id}       | -               | -                   | providers             | -
GET /api/admin/providers/{id}/instances | -               | -                   | -                     | -
GET /api/admin/instances               | -               | -                   | -                     | -
POST /api/admin/instances/{providerId}/{externalInstanceId}/disconnect | session.logout session.stop | instance.status instance.disconnect | instances             | instance.disconnected
DELETE /api/admin/instances/{providerId}/{externalInstanceId} | session.delete  | instance.status instance.delete | instances tokens webhook_keys | -
POST /api/admin/instances/{id}/move    | -               | -                   | instance_moves webhook_keys | -
GET /api/admin/instances/{id}/move     | -               | -                   | -                     | -
DELETE /api/admin/instances/{id}/move  | -               | -                   | instance_moves        | -
GET /api/admin/dlq                     | -               | -                   | -                     | -
GET /api/admin/dlq/{id}                | -               | -                   | -                     | -
DELETE /api/admin/dlq/{id}             | -               | -                   | dead_letters          | -
POST /api/admin/dlq/{id}/replay        | send:text       | send:text           | dead_letters messages | SENT
POST /api/admin/dlq/replay             | send:text       | send:text           | dead_letters messages | SENT
GET /api/admin/metrics                 | -               | -                   | -                     | -
GET /api/admin/logs                    | -               | -                   | -                     | -

POST /api/instances                    | session.create  | instance.create webhook.set instance.connect | instances tokens webhook_keys | -
GET /api/instances                     | -               | -                   | -                     | -
GET /api/instances/{id}                | -               | -                   | -                     | -
PUT /api/instances/{id}                | -               | -                   | instances             | -
DELETE /api/instances/{id}             | session.delete  | instance.delete     | instances tokens webhook_keys | -
POST /api/instances/{id}/token         | -               | -                   | tokens                | -
POST /api/instances/{id}/resume-new-chats | -             | -                   | -                     | -
GET /api/instances/{id}/qrcode         | session.qr      | instance.status     | -                     | -
GET /api/instances/{id}/webhooks       | -               | -                   | -                     | -
POST /api/instances/{id}/webhooks      | -               | -                   | instance_webhooks webhook_secrets | -
PUT /api/instances/{id}/webhooks/{wid} | -               | -                   | instance_webhooks     | -
DELETE /api/instances/{id}/webhooks/{wid} | -               | -                   | instance_webhooks     | -
POST /api/instances/{id}/webhooks/{wid}/test | -               | -                   | -                     | webhook.test
POST /api/instances/{id}/webhooks/{wid}/rotate-secret | -               | -                   | webhook_secrets       | -
POST /api/instances/{id}/webhooks/{wid}/enable | -               | -                   | instance_webhooks     | -
GET /api/instances/{id}/webhooks/{wid}/deliveries | -               | -                   | -                     | -
POST /api/instances/{id}/webhooks/{wid}/deliveries/{did}/retry | -               | -                   | -                     | message.read
POST /api/instances/{id}/webhooks/{wid}/recover | -               | -                   | webhook_recoveries    | instance.connected
GET /api/instances/{id}/webhooks/{wid}/recover | -               | -                   | -                     | -
POST /api/messages/send                | send:text       | send:text           | messages              | message.queued SENT
POST /api/messages/send-batch          | send:text       | send:text           | messages              | message.queued SENT
GET /api/messages                      | -               | -                   | -                     | -
GET /api/messages/{id}                 | -               | -                   | -                     | -
DELETE /api/messages/{id}              | -               | -                   | messages              | message.cancelled
GET /api/stats                         | -               | -                   | -                     | -
GET /api/events                        | -               | -                   | -                     | -
GET /api/events/{id}                   | -               | -                   | -                     | -

POST /instance/connect                 | session.start session.qr | instance.status instance.connect | instances             | instance.qr
POST /instance/disconnect              | session.logout session.stop | instance.disconnect | instances             | instance.disconnected
POST /instance/restart                 | session.restart | instance.reset      | instances             | instance.connected
GET /instance/wa_messages_limits       | -               | -                   | -                     | -
POST /instance/reset                   | session.restart | instance.reset      | instances             | instance.connected
DELETE /instance                       | session.delete  | instance.delete     | instances tokens webhook_keys | -
PUT /instance/name                     | -               | -                   | instances             | -
GET /instance/status                   | profile         | instance.status     | -                     | -
GET /instance/qrcode                   | session.qr      | instance.status     | -                     | -
GET /instance/qrcode/image             | session.qr      | instance.status     | -                     | -
GET /instance/privacy                  | 501             | privacy.get         | -                     | -
PUT /instance/privacy                  | 501             | privacy.set         | -                     | -
PUT /instance/presence                 | presence        | presence            | -                     | -
POST /instance/privacy                 | 501             | privacy.set         | -                     | -
POST /instance/presence                | presence        | presence            | -                     | -
POST /instance/updateInstanceName      | -               | -                   | instances             | -
POST /instance/create                  | session.create  | instance.create webhook.set instance.connect | instances tokens webhook_keys | -
POST /instance/init                    | session.create  | instance.create webhook.set instance.connect | instances tokens webhook_keys | -
GET /instance/all                      | -               | -                   | -                     | -
POST /instance/updateAdminFields       | -               | -                   | instances             | -
GET /webhook                           | -               | -                   | -                     | -
POST /webhook                          | -               | -                   | instance_webhooks webhook_secrets | -
POST /send/text                        | send:text       | send:text           | messages              | message.queued SENT
POST /send/media                       | send:image      | send:image          | messages media        | message.queued SENT
POST /send/contact                     | send:contact    | send:contact        | messages              | message.queued SENT
POST /send/location                    | send:location   | send:location       | messages              | message.queued SENT
POST /send/menu                        | send:poll       | send:poll           | messages              | message.queued SENT
POST /message/react                    | reaction        | message.react       | -                     | message.reaction@uazapi
POST /message/markread                 | sendSeen        | message.markread    | -                     | -
POST /message/presence                 | presence        | message.presence    | -                     | -
POST /message/download                 | file            | message.download    | -                     | -
POST /message/forward                  | forward         | 501                 | -                     | -
POST /message/delete                   | delete          | message.delete      | messages              | -
POST /message/edit                     | edit            | message.edit        | messages              | -
POST /message/find                     | -               | -                   | -                     | -
GET /message/async                     | -               | -                   | -                     | -
DELETE /message/async                  | -               | -                   | -                     | -
GET /contacts                          | contacts        | contacts.list       | -                     | -
POST /contact/add                      | contact         | contact.add         | -                     | -
POST /contact/remove                   | 501             | contact.remove      | -                     | -
POST /contact/block                    | block           | chat.block          | -                     | -
POST /contact/unblock                  | unblock         | chat.block          | -                     | -
POST /chat/block                       | block           | chat.block          | -                     | -
POST /chat/find                        | 501             | 501                 | -                     | -
POST /chat/archive                     | 501             | 501                 | -                     | -
POST /chat/read                        | 501             | 501                 | -                     | -
POST /chat/mute                        | 501             | 501                 | -                     | -
POST /chat/pin                         | 501             | 501                 | -                     | -
POST /chat/delete                      | 501             | 501                 | -                     | -
GET /chat/blocklist                    | 501             | 501                 | -                     | -
POST /profile/name                     | 501             | 501                 | -                     | -
POST /profile/image                    | 501             | 501                 | -                     | -
POST /send/status                      | 501             | 501                 | -                     | -
POST /send/carousel                    | 501             | 501                 | -                     | -
POST /send/location-button             | 501             | 501                 | -                     | -
POST /send/request-payment             | 501             | 501                 | -                     | -
POST /send/pix-button                  | 501             | 501                 | -                     | -
POST /chat/details                     | contactGet pictureGet | chat.details        | -                     | -
POST /chat/check                       | check           | chat.check          | -                     | -
POST /group/create                     | group           | group.create        | -                     | -
POST /group/info                       | groupGet members | group.info          | -                     | -
POST /group/inviteInfo                 | joinInfo        | group.inviteInfo    | -                     | -
POST /group/join                       | join            | group.join          | -                     | -
POST /group/updateDescription          | description     | group.description   | -                     | -
POST /group/updateName                 | subject         | group.name          | -                     | -
POST /group/updateImage                | picture         | group.image         | -                     | -
POST /group/updateParticipants         | add             | group.members       | -                     | -
POST /group/leave                      | leave           | group.leave         | -                     | -
GET /group/invitelink/{jid}            | inviteCode      | group.info          | -                     | -
POST /community/create                 | 501             | community.create    | -                     | -
POST /community/editgroups             | 501             | community.groups    | -                     | -
POST /community/info                   | 501             | group.info group.list | -                     | -
POST /community/updateDescription      | 501             | group.description   | -                     | -
POST /community/updateName             | 501             | group.name          | -                     | -
POST /community/leave                  | 501             | 501                 | -                     | -
GET /community/list                    | 501             | group.list          | -                     | -

POST /webhook/{provider}/{key}         | -               | -                   | messages              | message.received
GET /health                            | -               | -                   | -                     | -
GET /openapi.json                      | -               | -                   | -                     | -
GET /docs                              | -               | -                   | -                     | -
"""
SENT = "message.sent message.delivered message.read"
BY_HEALTHD = {"session.get", "instance.status"}  # asked whenever it likes
CHOOSING = ("/instance/create", "/instance/init")  # the provider is GrowHub's choice


def _effects():
    """{(provider's type, route): (calls, tables, events) as sets, or None for 501}."""
    found = {}
    for line in filter(None, EFFECTS.splitlines()):
        name, waha, uazapi, *rest = (c.strip() for c in line.replace("SENT", SENT).split("|"))
        for kind, calls in zip(KINDS, (waha, uazapi)):
            found[kind, name] = None if calls == "501" else [
                _words(kind, column) for column in (calls, *rest)]
    return found


def _words(kind, column):
    """WORD@uazapi is of that provider alone."""
    pairs = [word.partition("@") for word in column.split() if word != "-"]
    return {word for word, _, of in pairs if of in ("", kind)}


LEFT = _effects()


@pytest.fixture(scope="module")
def world_of(env, admin, provider_of):
    """world_of(type): a tenant at that provider, made once."""
    worlds = {}

    def make(kind):
        if kind not in worlds:
            worlds[kind] = World(env, admin, provider_of(kind))
        return worlds[kind]

    yield make
    for world in worlds.values():
        world.company.close()


@pytest.fixture(scope="module")
def world(world_of):
    return world_of("waha")


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
            reply = world.request(route, world.fill(pattern), world.body(document, route))
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
    reply = world.request(route, f"{world.fill(route[1])}?{urllib.parse.urlencode(wrong)}")
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
    head = (f"{method} {world.fill(pattern)} HTTP/1.1\r\nHost: h\r\n{token}"
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

@pytest.fixture
def stage(request, env, admin, provider, provider_of, world_of):
    """stage(kind, route): the shared tenant at that provider, or one of its own for what would
    spoil it."""
    def make(kind, route):
        if not ENDING.match(name_of(route)):
            return world_of(kind)
        own = World(env, admin, provider_of(kind))
        if not route[1].startswith("/api/admin/companies"):
            request.addfinalizer(own.company.close)
        return own

    yield make
    if admin.get(f"/api/admin/providers/{provider['id']}")["engine"] not in (None, "GOWS"):
        world_of("waha").engine("GOWS")


def is_told(reply):
    """501 that says where the provider's contract has no such call."""
    return re.search(r"section \d|\(\d+(\.\d+)?\)", reply.body["message"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_success(document, stage, db, route, kind):
    """The example of the documentation works, fields that nobody knows are ignored, and it leaves
    at the provider, in the database and at the webhook what it should, and no more."""
    name = name_of(route)
    world = stage(kind, route)
    changed = FIRST[name](world) if name in FIRST else {}
    world.tokens["ADMIN"] = changed.get("token", world.tokens["ADMIN"])
    path = changed.get("path") or world.fill(route[1])
    body = changed.get("body", world.body(document, route))
    if isinstance(body, dict):
        body["no_such_field"] = {"deep": [1, {"x": None}]}
    traces = Traces(world, db)
    reply = world.request(route, path, body, changed.get("headers"))
    if route[1] in CHOOSING:
        kind = world.newest()
    if LEFT[kind, name] is None:
        assert (reply.status, reply.body["code"]) == (501, "not_supported") and is_told(reply)
        assert traces.tables() == traces.events() == traces.calls() - BY_HEALTHD == set()
        return
    assert 200 <= reply.status < 300, (json.dumps(body, default=str), reply.raw)
    assert str(reply.status) in document.operations[route[0], route[1]]["responses"]
    calls, tables, events = LEFT[kind, name]
    wait_until(lambda: tables <= traces.tables() and events <= traces.events(),
               f"{tables} to change and {events} to come")
    assert traces.calls() >= calls and traces.calls() - calls <= BY_HEALTHD
    assert [traces.tables(), traces.events()] == [tables, events]


def test_effects_are_of_routes():
    """Both ways: a route without a line here fails, a line without a route too."""
    assert LEFT.keys() == {(kind, name_of(route)) for kind in KINDS for route in ROUTES}
