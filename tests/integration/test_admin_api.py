"""The superadmin's part of the API: checks in their order, login, companies, tokens, providers."""

import concurrent.futures
import http.client
import json
import re
import urllib.parse

import pytest

from api import Api, ApiError
from support import add_admin, unique, wait_until

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
GONE = (401, 429)  # an ended token; 429 when other tests of the same minute failed often
NO_TOKEN = "00000000-0000-4000-8000-000000000000"


def refused(call):
    """The ApiError of a call that must fail."""
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


def from_address(env, address, method, path, body=None, headers=None, timeout_s=10):
    """A request from another loopback address: budgets are kept per address."""
    url = urllib.parse.urlsplit(env["GROWHUB_URL"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout_s,
                                            source_address=(address, 0))
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), json.loads(reply.read() or "null")
    finally:
        connection.close()


@pytest.fixture
def new_admin(env):
    """Factory of superadmins: (e-mail, password)."""
    return lambda: add_admin(env)


@pytest.fixture
def new_tenant(admin):
    """Factory of companies without instances; all are ended after the test."""
    made = []

    def make(**fields):
        made.append(admin.post("/api/admin/companies", {"name": unique("company"), **fields}))
        return made[-1]

    yield make
    for row in made:
        admin.delete(f"/api/admin/companies/{row['id']}")


@pytest.fixture
def new_provider(admin):
    """Factory of provider rows that nobody serves; all are ended after the test."""
    made = []

    def make(**fields):
        made.append(admin.post("/api/admin/providers", {
            "type": "waha", "name": unique("provider"), "base_url": "http://127.0.0.1:9", **fields}))
        return made[-1]

    yield make
    for row in made:
        admin.request("DELETE", f"/api/admin/providers/{row['id']}")


# ---- the order of checks ----


def test_unknown_path_comes_before_the_token(api):
    reply = api.request("GET", "/api/nothing")
    assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert reply.body["success"] is False and reply.body["errors"] == {}
    assert UUID.fullmatch(reply.body["request_id"])
    assert reply.headers["X-Request-Id"] == reply.body["request_id"]


def test_wrong_method_names_the_right_ones(api):
    reply = api.request("PATCH", "/api/admin/companies")
    assert (reply.status, reply.body["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST", "OPTIONS"} <= set(reply.headers["Allow"].split(", "))


def test_options_on_a_known_path(api):
    reply = api.request("OPTIONS", "/api/admin/companies")
    assert (reply.status, reply.raw) == (204, b"")
    assert "POST" in reply.headers["Allow"]
    assert api.request("OPTIONS", "/api/nothing").status == 404


def test_declared_length_comes_before_the_token(env):
    status, _, body = from_address(env, "127.0.0.1", "POST", "/api/admin/companies",
                                   headers={"Content-Length": str(1 << 30)})
    assert (status, body["code"]) == (413, "content_too_large")


@pytest.mark.parametrize("header", [
    {}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"},
    {"Authorization": "Bearer not-a-token"}, {"Authorization": f"Bearer {NO_TOKEN}"},
    {"admintoken": NO_TOKEN}, {"token": NO_TOKEN}])
def test_no_or_bad_token(env, header):
    status, headers, body = from_address(env, "127.0.0.11", "GET", "/api/admin/me", headers=header)
    assert (status, body["code"]) == (401, "unauthenticated")
    assert headers["WWW-Authenticate"] == "Bearer"


def test_placeholder_token(env):
    status, _, body = from_address(env, "127.0.0.12", "GET", "/api/admin/me",
                                   headers={"Authorization": "Bearer {{admin_token}}"})
    assert (status, body["code"]) == (401, "token_placeholder")


def test_token_forms_that_are_accepted(api, admin):
    for header in ({"Authorization": f"bearer {admin.token}"},
                   {"Authorization": f"BEARER {admin.token.upper()}"},
                   {"admintoken": admin.token}):
        assert api.request("GET", "/api/admin/me", headers=header).status == 200


def test_wrong_kind_is_named(admin, new_tenant):
    error = refused(lambda: admin.with_token(new_tenant()["token"]).get("/api/admin/companies"))
    assert (error.status, error.code) == (403, "wrong_token_kind")
    assert "superadmin" in error.body["message"]


def test_media_type(admin):
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        reply = admin.request("POST", "/api/admin/companies", b"{}", {"Content-Type": kind})
        assert (reply.status, reply.body["code"]) == (415, "unsupported_media_type")
    reply = admin.request("POST", "/api/admin/companies", b"{}",
                          {"Content-Type": "application/json; charset=utf-8"})
    assert reply.status == 422
    reply = admin.request("POST", "/api/admin/companies", b"{}", {"Content-Encoding": "gzip"})
    assert reply.status == 415


@pytest.mark.parametrize("text", [
    b'{"name":', b'{"name":"a","name":"b"}', b'{"name":"\xff"}', b'{"name":"a"} x', b"",
    b'{"a":' * 70 + b"1" + b"}" * 70, b'{"name":"a\\u0000b"}'])
def test_broken_json(admin, text):
    reply = admin.request("POST", "/api/admin/companies", text)
    assert (reply.status, reply.body["code"]) == (400, "invalid_json")
    assert len(re.findall(r"byte \d+", reply.body["message"])) == 1


def test_body_that_is_no_object(admin):
    reply = admin.request("POST", "/api/admin/companies", b"[1]")
    assert (reply.status, reply.body["code"]) == (422, "validation_failed")


def test_broken_query(admin):
    for query in ("limit=%zz", "limit=1&limit=2"):
        reply = admin.request("GET", f"/api/admin/companies?{query}")
        assert (reply.status, reply.body["code"]) == (400, "invalid_query")


def test_problem_details_where_preferred(admin):
    accept = {"Accept": "application/problem+json, application/json;q=0.5"}
    reply = admin.request("POST", "/api/admin/companies", {}, accept)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["status"] == reply.status == 422
    assert reply.body["type"].endswith("/problems/validation-failed")
    assert reply.body["code"] == "validation_failed" and "name" in reply.body["errors"]
    assert reply.body["instance"] == f"urn:uuid:{reply.headers['X-Request-Id']}"
    assert reply.body["retryable"] is False and reply.body["title"] and reply.body["detail"]
    accept = {"Accept": "application/json, application/problem+json;q=0.5"}
    assert "success" in admin.request("POST", "/api/admin/companies", {}, accept).body


# ---- health and login ----


def test_health_is_open(api):
    assert api.get("/health")["status"] == "healthy"


def test_login_and_me(api, admin, env):
    data = api.post("/api/admin/login", {"email": env["GROWHUB_SUPERADMIN_EMAIL"].upper(),
                                         "password": env["GROWHUB_SUPERADMIN_PASSWORD"]})
    assert UUID.fullmatch(data["token"]) and data["admin"]["last_login"].endswith("Z")
    me = admin.with_token(data["token"]).get("/api/admin/me")
    assert set(me) == {"id", "name", "email", "is_superadmin", "status", "last_login",
                       "created_at", "updated_at"}
    assert me["id"] == data["admin"]["id"] and me["is_superadmin"] is True
    assert "password" not in json.dumps(data)


def test_login_names_every_bad_field(api):
    error = refused(lambda: api.post("/api/admin/login", {"email": 1}))
    assert (error.status, set(error.errors)) == (422, {"email", "password"})


def test_login_is_refused_alike_and_throttled(env):
    def attempt(email):
        body = json.dumps({"email": email, "password": "wrong password"})
        return from_address(env, "127.0.0.13", "POST", "/api/admin/login", body,
                            {"Content-Type": "application/json"})

    first = [attempt(env["GROWHUB_SUPERADMIN_EMAIL"]), attempt("nobody@growhub.test")]
    assert [a[0] for a in first] == [401, 401]
    assert first[0][2]["message"] == first[1][2]["message"]
    for _ in range(40):
        status, headers, body = attempt("nobody@growhub.test")
        if status == 429:
            break
    assert (status, body["code"]) == (429, "too_many_failures")
    assert 1 <= int(headers["Retry-After"]) <= 60


def test_parallel_logins_get_no_more_tries(env):
    """Attempts that are still being verified count: guessing in parallel gains nothing."""
    body = json.dumps({"email": env["GROWHUB_SUPERADMIN_EMAIL"], "password": "wrong password"})

    def attempt(_):
        return from_address(env, "127.0.0.15", "POST", "/api/admin/login", body,
                            {"Content-Type": "application/json"}, timeout_s=60)[0]

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(attempt, range(100)))
    # 20 at each of the gateways behind the shared port.
    assert statuses.count(401) <= 20 * len(env["GROWHUB_GATEWAY_URLS"].split())
    assert set(statuses) <= {401, 429, 503} and 429 in statuses


def test_good_logins_are_no_failures(env, new_admin):
    """One address may log in as often as it likes."""
    email, password = new_admin()
    body = json.dumps({"email": email, "password": password})
    for _ in range(45):
        status, _, _ = from_address(env, "127.0.0.16", "POST", "/api/admin/login", body,
                                    {"Content-Type": "application/json"})
        assert status == 200


def test_token_failures_are_throttled_and_good_tokens_pass(env, admin):
    def ask(token):
        return from_address(env, "127.0.0.14", "GET", "/api/admin/me",
                            headers={"Authorization": f"Bearer {token}"})

    # Twice the budget: the gateways behind the shared port count apart.
    statuses = [ask(NO_TOKEN)[0] for _ in range(42)]
    assert statuses[0] == 401 and 429 in statuses
    assert ask(admin.token)[0] == 200


def test_change_password_ends_other_sessions(api, new_admin):
    email, password = new_admin()
    mine, other = api.login(email, password), api.login(email, password)
    path = "/api/admin/change-password"

    error = refused(lambda: mine.post(path, {"current_password": password, "new_password": "short"}))
    assert (error.status, set(error.errors)) == (422, {"new_password"})
    error = refused(lambda: mine.post(path, {"current_password": "no " + password,
                                             "new_password": "long enough"}))
    assert error.status == 401
    fresh = mine.post(path, {"current_password": password, "new_password": password + "2"})
    assert api.with_token(fresh["token"]).get("/api/admin/me")["email"] == email
    for ended in (mine, other):
        wait_until(lambda: ended.request("GET", "/api/admin/me").status in GONE,
                   "the old session to end", 6)
    assert refused(lambda: api.login(email, password)).status == 401
    api.login(email, password + "2")


# ---- companies ----


def test_company_life(admin, new_tenant, db):
    row = new_tenant(rate_per_minute=7)
    assert set(row) == {"id", "name", "status", "created_at", "updated_at", "limits", "token"}
    assert row["limits"] == {"rate_per_minute": 7, "rate_per_hour": 1000}
    path = f"/api/admin/companies/{row['id']}"
    assert admin.get(path) == {k: v for k, v in row.items() if k != "token"}

    changed = admin.put(path, {"name": "Renamed", "rate_per_hour": 9})
    assert (changed["name"], changed["limits"]) == \
        ("Renamed", {"rate_per_minute": 7, "rate_per_hour": 9})

    reply = admin.request("DELETE", path)
    assert (reply.status, reply.body["data"]["status"]) == (202, "deleted")
    assert refused(lambda: admin.put(path, {"name": "x"})).status == 404
    assert all(t["revoked_at"] is not None for t in
               db.execute("SELECT revoked_at FROM tokens WHERE company_id = %s", [row["id"]]))
    ended = admin.with_token(row["token"])
    wait_until(lambda: ended.request("GET", "/api/messages").status in GONE, "the token to end", 6)


def test_tokens_are_stored_as_hashes(new_tenant, db):
    row = new_tenant()
    stored = db.execute("SELECT token_hash, last_used_at FROM tokens WHERE company_id = %s",
                        [row["id"]]).fetchall()
    assert len(stored) == 1 and len(stored[0]["token_hash"]) == 32
    assert row["token"].encode() not in bytes(stored[0]["token_hash"])


def test_last_use_is_noted(admin, new_tenant, db):
    row = new_tenant()
    admin.with_token(row["token"]).request("GET", "/api/instances")
    wait_until(lambda: db.execute("SELECT last_used_at FROM tokens WHERE company_id = %s",
                                  [row["id"]]).fetchone()["last_used_at"], "last_used_at", 10)


@pytest.mark.parametrize("fields, bad", [
    ({}, {"name"}),
    ({"name": ""}, {"name"}),
    ({"name": "x" * 201}, {"name"}),
    ({"name": "a\nb"}, {"name"}),
    ({"name": 1, "status": "gone", "rate_per_minute": 0, "rate_per_hour": 100000001},
     {"name", "status", "rate_per_minute", "rate_per_hour"})])
def test_company_bad_fields(admin, fields, bad):
    error = refused(lambda: admin.post("/api/admin/companies", fields))
    assert (error.status, error.code, set(error.errors)) == (422, "validation_failed", bad)


@pytest.mark.parametrize("number", ["0", "999999999", "99999999999", "x", "-1", "1.5"])
def test_company_not_found(admin, number):
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        reply = admin.request(method, f"/api/admin/companies/{number}", body)
        assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert admin.request("POST", f"/api/admin/companies/{number}/token", {}).status == 404


def test_suspended_company_is_refused_within_seconds(admin, new_tenant):
    row = new_tenant()
    tenant, path = admin.with_token(row["token"]), f"/api/admin/companies/{row['id']}"
    assert tenant.request("GET", "/api/instances").status == 200
    for status in ("suspended", "inactive"):
        admin.put(path, {"status": status})
        reply = wait_until(
            lambda: (r := tenant.request("GET", "/api/instances")).status != 200 and r,
            "the company to be refused", 6)
        assert (reply.status, reply.body["code"]) == (403, "company_inactive")
        admin.put(path, {"status": "active"})
        wait_until(lambda: tenant.request("GET", "/api/instances").status == 200,
                   "the company to be back", 6)


def test_rotation_with_and_without_overlap(admin, new_tenant):
    row = new_tenant()
    path = f"/api/admin/companies/{row['id']}/token"
    rotated = admin.post(path, {"overlap_seconds": 60})
    assert rotated["id"] == row["id"] and rotated["token"] != row["token"]

    def status_of(token):
        return admin.with_token(token).request("GET", "/api/instances").status

    assert [status_of(row["token"]), status_of(rotated["token"])] == [200, 200]
    last = admin.request("POST", path).body["data"]
    for old in (row, rotated):
        wait_until(lambda: status_of(old["token"]) in GONE, "the old token to end", 6)
    assert status_of(last["token"]) == 200
    error = refused(lambda: admin.post(path, {"overlap_seconds": -1}))
    assert set(error.errors) == {"overlap_seconds"}


# ---- lists ----


def test_pages_by_cursor_and_offset(admin, new_tenant):
    made = [new_tenant()["id"] for _ in range(5)]
    first = admin.request("GET", "/api/admin/companies?limit=2")
    assert [r["id"] for r in first.body["data"]] == made[:2:-1]
    assert first.body["has_more"] is True and first.body["total"] >= 5
    assert 'rel="next"' in first.headers["Link"]
    second = admin.request(
        "GET", f"/api/admin/companies?limit=2&cursor={first.body['next_cursor']}").body
    assert [r["id"] for r in second["data"]] == [made[2], made[1]]
    by_offset = admin.request("GET", "/api/admin/companies?limit=2&offset=2").body
    assert by_offset["data"] == second["data"]
    last = admin.request("GET", "/api/admin/companies?limit=1&offset=10000").body
    assert (last["data"], last["next_cursor"], last["has_more"]) == ([], None, False)


def test_cursor_is_bound_to_list_and_filters(admin, new_tenant, new_provider):
    for _ in range(2):
        new_tenant()
        new_provider()
    cursor = admin.request("GET", "/api/admin/companies?limit=1").body["next_cursor"]
    swapped = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for path in (f"/api/admin/companies?cursor={swapped}", "/api/admin/companies?cursor=",
                 f"/api/admin/providers?cursor={cursor}",
                 f"/api/admin/companies?status=active&cursor={cursor}"):
        reply = admin.request("GET", path)
        assert (reply.status, reply.body["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("query, bad", [
    ("limit=0", {"limit"}), ("limit=201", {"limit"}), ("limit=x", {"limit"}),
    ("offset=10001", {"offset"}), ("limit=-1&offset=x&status=gone", {"limit", "offset", "status"})])
def test_paging_out_of_range(admin, query, bad):
    reply = admin.request("GET", f"/api/admin/companies?{query}")
    assert (reply.status, set(reply.body["errors"])) == (422, bad)


# ---- providers ----


def test_provider_life(admin, new_provider, db):
    row = new_provider(api_key="very secret", base_url="http://127.0.0.1:9/")
    assert {"current_instances", "health_status", "last_check"} <= set(row)
    assert (row["has_api_key"], row["max_instances"], row["is_active"], row["base_url"]) == \
        (True, 100, True, "http://127.0.0.1:9")
    path = f"/api/admin/providers/{row['id']}"
    assert admin.get(path) == row
    assert "very secret" not in json.dumps(row)
    stored = db.execute("SELECT api_key_sealed FROM providers WHERE id = %s",
                        [row["id"]]).fetchone()
    assert b"very secret" not in bytes(stored["api_key_sealed"])

    changed = admin.put(path, {"max_instances": 3, "max_concurrency": 0, "is_active": False,
                               "api_key": None})
    assert (changed["max_instances"], changed["is_active"], changed["has_api_key"]) == \
        (3, False, False)
    assert changed["name"] == row["name"]
    listed = admin.request("GET", "/api/admin/providers?limit=200").body
    assert changed in listed["data"]
    instances = admin.request("GET", f"{path}/instances").body
    assert (instances["data"], instances["total"]) == ([], 0)

    assert admin.request("DELETE", path).status == 200
    for method in ("GET", "DELETE"):
        assert admin.request(method, path).status == 404
    new_provider(name=row["name"])


def test_provider_name_is_unique(admin, new_provider):
    first, second = new_provider(), new_provider()
    for call in (lambda: new_provider(name=first["name"].upper()),
                 lambda: admin.put(f"/api/admin/providers/{second['id']}",
                                   {"name": first["name"]})):
        error = refused(call)
        assert (error.status, error.code, set(error.errors)) == (409, "duplicate_name", {"name"})


@pytest.mark.parametrize("fields, bad", [
    ({}, {"type", "name", "base_url"}),
    ({"type": "smtp", "name": "x", "base_url": "ftp://x"}, {"type", "base_url"}),
    ({"type": "waha", "name": "x", "base_url": "http://u:p@x/"}, {"base_url"}),
    ({"type": "waha", "name": "x", "base_url": "http://x/?a=1"}, {"base_url"}),
    ({"type": "waha", "name": "x", "base_url": "http://x", "max_instances": 0, "is_active": "yes",
      "api_key": "a\r\nb"}, {"max_instances", "is_active", "api_key"})])
def test_provider_bad_fields(admin, fields, bad):
    error = refused(lambda: admin.post("/api/admin/providers", fields))
    assert (error.status, set(error.errors)) == (422, bad)


def test_provider_with_instances_stays(admin, instance, provider):
    reply = admin.request("DELETE", f"/api/admin/providers/{provider['id']}")
    assert (reply.status, reply.body["code"]) == (409, "conflict")
    rows = admin.get(f"/api/admin/providers/{provider['id']}/instances?limit=200")
    assert instance["id"] in [r["id"] for r in rows]


# ---- metrics ----


def test_metrics_count_routes(env, admin):
    admin.get("/api/admin/me")
    pages = [Api(url.partition("=")[2]).request("GET", "/metrics").raw.decode()
             for url in env["GROWHUB_ADMIN_URLS"].split() if url.startswith("gateway")]
    line = 'growhub_http_requests_total{route="GET /api/admin/me",code="200"}'
    assert any(line in page for page in pages)
