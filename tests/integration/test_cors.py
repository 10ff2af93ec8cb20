"""Cross-origin requests: pages of the configured origins may read every reply of the API, others
none; without configuration there is no trace of CORS."""

import re

import pytest

from api import Api
from life import OwnGateway
from rawhttp import Connection

APP, DEV, STRANGER = "https://app.example.com", "http://localhost:3000", "https://evil.example"
LISTED = f'cors_origins = [ "{APP}", "{DEV}" ];'


@pytest.fixture(scope="module")
def gateway(env, tmp_path_factory):
    made = OwnGateway(tmp_path_factory.mktemp("cors"), env, LISTED)
    yield made
    made.close()


@pytest.fixture
def near(gateway):
    return Api(gateway.url)


def fields_of(headers):
    """The fields of CORS in a reply, by lower-case name."""
    return {k.lower(): v for k, v in headers.items()
            if k.lower().startswith("access-control-") or k.lower() == "vary"}


def words_of(value):
    return {word.strip().lower() for word in value.split(",")}


def chunked_over_the_limit(url, origin):
    """413 by the server itself, which learns the length only as it comes."""
    with Connection(url) as connection:
        connection.send(f"POST /api/admin/login HTTP/1.1\r\nHost: h\r\nOrigin: {origin}\r\n"
                        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                        f"{2**24:x}\r\n".encode())
        return connection.answer("POST")


def every_kind(api, admin, origin):
    """(status, headers) of a reply of each kind, errors of every layer among them."""
    page, known = {"Origin": origin}, api.with_token(admin.token)
    asked = [
        (200, api.request("GET", "/health", headers=page)),
        (200, known.request("GET", "/api/admin/companies", headers=page)),
        (200, api.request("GET", "/openapi.json", headers=page)),
        (401, api.request("GET", "/api/instances", headers=page)),
        (403, known.request("GET", "/api/instances", headers=page)),
        (404, api.request("GET", "/api/nothing", headers=page)),
        (405, api.request("PUT", "/health", {}, headers=page)),
        (413, api.request("POST", "/api/admin/login", b" " * 20000, headers=page)),
        (415, api.request("POST", "/api/admin/login", b"{}", headers=page | {"Content-Type": "a/b"})),
        (400, api.request("POST", "/api/admin/login", b"{", headers=page)),
        (422, api.request("POST", "/api/admin/login", {}, headers=page)),
        (413, chunked_over_the_limit(api.base_url, origin)),
    ]
    for status, reply in asked:
        assert reply.status == status
        yield status, reply.headers


@pytest.mark.parametrize("origin", [APP, DEV])
def test_an_allowed_page_reads_every_reply(near, admin, origin):
    for status, headers in every_kind(near, admin, origin):
        fields = fields_of(headers)
        exposed = words_of(fields.pop("access-control-expose-headers"))
        assert fields == {"access-control-allow-origin": origin, "vary": "Origin"}, status
        assert {"x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "link"} <= exposed


@pytest.mark.parametrize("origin", [
    STRANGER, "null", APP + "/", APP + ":443", APP.upper(), "http://app.example.com",
    APP + ".evil.example", "https://x.app.example.com", f"{APP} {DEV}", "*"])
def test_other_pages_read_none(near, admin, origin):
    for status, headers in every_kind(near, admin, origin):
        assert fields_of(headers) == {"vary": "Origin"}, status
    preflight = near.request("OPTIONS", "/api/instances", headers={
        "Origin": origin, "Access-Control-Request-Method": "GET"})
    assert preflight.status == 204 and fields_of(preflight.headers) == {"vary": "Origin"}


def test_a_client_that_is_no_page_sees_only_vary(near):
    assert fields_of(near.request("GET", "/health").headers) == {"vary": "Origin"}


def test_two_origins_are_none(gateway):
    with Connection(gateway.url) as connection:
        connection.send(f"GET /health HTTP/1.1\r\nHost: h\r\nOrigin: {APP}\r\n"
                        f"Origin: {DEV}\r\n\r\n".encode())
        assert fields_of(connection.answer("GET").headers) == {"vary": "Origin"}


def test_preflights_of_every_path(near, document):
    for path in document.root["paths"]:
        reply = near.request("OPTIONS", re.sub(r"\{\w+\}", "1", path), headers={
            "Origin": APP, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type"})
        fields = fields_of(reply.headers)
        assert reply.status == 204 and reply.raw == b"", path
        if path.startswith("/webhook/"):
            assert fields == {}
            continue
        assert fields["access-control-allow-origin"] == APP and fields["vary"] == "Origin"
        assert fields["access-control-allow-methods"] == reply.headers["Allow"]
        methods = {method for method, known in document.operations if known == path}
        assert methods <= set(reply.headers["Allow"].split(", "))
        assert {"authorization", "token", "admintoken", "content-type", "idempotency-key", "prefer",
                "x-request-id"} <= words_of(fields["access-control-allow-headers"])
        assert 0 < int(fields["access-control-max-age"]) <= 86400
        assert "access-control-allow-credentials" not in fields


def test_options_without_a_method_is_no_preflight(near):
    reply = near.request("OPTIONS", "/api/instances", headers={"Origin": APP})
    assert reply.status == 204 and "GET" in reply.headers["Allow"]
    assert not {"access-control-allow-methods", "access-control-max-age"} & set(fields_of(reply.headers))


def test_an_unknown_path_has_no_preflight(near):
    reply = near.request("OPTIONS", "/api/nothing", headers={
        "Origin": APP, "Access-Control-Request-Method": "GET"})
    assert reply.status == 404 and "access-control-allow-methods" not in fields_of(reply.headers)


def test_webhooks_of_providers_are_no_business_of_pages(near):
    for path in ("/webhook/waha/" + "A" * 22, "/webhook/nothing"):
        reply = near.request("POST", path, b"{}", headers={"Origin": APP})
        assert reply.status == 404 and fields_of(reply.headers) == {}


def test_origins_change_on_sighup(gateway, near):
    def seen(origin):
        return fields_of(near.request("GET", "/health", headers={"Origin": origin}).headers)
    try:
        gateway.reload('cors_origins = "*";')
        assert seen(STRANGER)["access-control-allow-origin"] == "*"
        assert seen(STRANGER)["vary"] == "Origin"
        gateway.reload("")
        assert seen(APP) == {}
    finally:
        gateway.reload(LISTED)
    assert seen(APP)["access-control-allow-origin"] == APP


def test_unconfigured_there_is_no_trace(api, admin):
    for status, headers in every_kind(api, admin, APP):
        assert fields_of(headers) == {}, status
    reply = api.request("OPTIONS", "/api/instances", headers={
        "Origin": APP, "Access-Control-Request-Method": "GET"})
    assert reply.status == 204 and "GET" in reply.headers["Allow"] and fields_of(reply.headers) == {}
