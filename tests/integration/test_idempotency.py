"""Idempotency-Key of the POSTs that create: done once, and the first reply again, secrets included."""

from concurrent.futures import ThreadPoolExecutor
import http.client
import time

import pytest

from support import Daemon, unique, wait_until

PHONE = "5511999990001"


def keyed(api, path, body, key):
    return api.request("POST", path, body, {"Idempotency-Key": key})


def is_replay(reply):
    return reply.headers["Idempotency-Replayed"] == "true"


@pytest.fixture
def gateway(env):
    made = Daemon(env, "gateway-1")
    yield made
    made.restart()


@pytest.fixture
def idle(company):
    return company.instance(is_connected=False)


def creations(admin, company, idle, url, since):
    """(who asks, path, body, what `data` shows only once) of each route that creates."""
    tenant = admin.post("/api/admin/companies", {"name": unique("tenant")})
    hooks = f"/api/instances/{idle['id']}/webhooks"
    own = f"{hooks}/{company.api.post(hooks, {'url': url, 'events': ['*']})['id']}"
    provider = {"type": "waha", "name": unique("provider"), "base_url": "http://127.0.0.1:9",
                "is_active": False}
    return [
        (admin, "/api/admin/companies", {"name": unique("keyed")}, "token"),
        (admin, f"/api/admin/companies/{tenant['id']}/token", {"overlap_seconds": 600}, "token"),
        (admin, "/api/admin/providers", provider, None),
        (company.api, "/api/instances", {"instance_name": unique("keyed"), "webhook_url": url,
                                         "provider_id": company.provider["id"]}, "token"),
        (company.api, f"/api/instances/{idle['id']}/token", {}, "token"),
        (company.api, hooks, {"url": url, "events": ["*"]}, "secret"),
        (company.api, f"{own}/rotate-secret", {}, "secret"),
        (company.api, f"{own}/test", None, None),
        (company.api, f"{own}/recover", {"since": since}, None),
    ]


def test_every_creation_is_done_once(admin, company, idle, sim):
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    for api, path, body, secret in creations(admin, company, idle, sim.hook_url("keyed"), since):
        first, again = (keyed(api, path, body, "k-1") for _ in range(2))
        assert first.status in (200, 201, 202), (path, first.body)
        assert not is_replay(first) and is_replay(again), path
        assert (again.status, again.body) == (first.status, first.body), path
        assert secret is None or first.body["data"][secret], path
        if body is not None:
            other = keyed(api, path, {**body, "x": 1}, "k-1")
            assert (other.status, other.body["code"]) == (422, "idempotency_key_reused"), path
        # Another key is another creation, unless the name is taken.
        assert not is_replay(keyed(api, path, body, "k-2"))
        if api is admin and "token" not in path:
            assert admin.request("DELETE", f"{path}/{first.body['data']['id']}").status in (200, 202)


def test_the_secret_shown_again_is_the_real_one_and_sealed(admin, db):
    body = {"name": unique("keyed")}
    keyed(admin, "/api/admin/companies", body, body["name"])
    again = keyed(admin, "/api/admin/companies", body, body["name"])
    token = again.body["data"]["token"]
    assert is_replay(again)
    assert admin.with_token(token).get("/api/instances") == []
    kept = db.execute("SELECT reply FROM idempotent_replies WHERE key LIKE '%%' || %s",
                      (body["name"],)).fetchone()["reply"]
    assert token.encode() not in bytes(kept) and body["name"].encode() not in bytes(kept)
    admin.delete(f"/api/admin/companies/{again.body['data']['id']}")


def test_a_refused_request_leaves_its_key_free(admin, db):
    key, name = unique("key"), unique("keyed")
    bad = keyed(admin, "/api/admin/companies", {"name": ""}, key)
    assert (bad.status, bad.body["code"]) == (422, "validation_failed")
    good = keyed(admin, "/api/admin/companies", {"name": name}, key)
    assert good.status == 201 and not is_replay(good)
    gone = keyed(admin, "/api/admin/companies/2147483647/token", {}, key)
    assert gone.status == 404
    assert db.execute("SELECT count(*) AS n FROM idempotent_replies WHERE key LIKE '%%' || %s",
                      (key,)).fetchone()["n"] == 1
    admin.delete(f"/api/admin/companies/{good.body['data']['id']}")


def test_keys_belong_to_who_uses_them(new_company):
    made = [keyed(c.api, "/api/instances", {"instance_name": "one", "provider_id": c.provider["id"]},
                  "same").body["data"]["id"] for c in (new_company(), new_company())]
    assert made[0] != made[1]


@pytest.mark.parametrize("key", ["", "a b", '"open', "x" * 256])
def test_a_malformed_key(admin, key):
    reply = keyed(admin, "/api/admin/companies", {"name": "x"}, key)
    assert (reply.status, reply.body["code"]) == (400, "invalid_idempotency_key")


def test_equal_posts_at_once_create_one(admin, env, db):
    """On every gateway at once: the first reply, its repetitions, and 409 while it runs."""
    name, key = unique("race"), unique("key")
    gateways = env["GROWHUB_GATEWAY_URLS"].split()

    def post(n):
        api = type(admin)(gateways[n % len(gateways)], admin.token)
        return keyed(api, "/api/admin/companies", {"name": name}, key)

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(post, range(40)))
    done = [r for r in replies if r.status == 201]
    assert {r.status for r in replies} <= {201, 409}
    assert sum(not is_replay(r) for r in done) == 1
    assert len({r.body["data"]["token"] for r in done}) == 1
    assert all(r.body["code"] == "idempotency_in_progress" for r in replies if r.status == 409)
    rows = db.execute("SELECT id FROM companies WHERE name = %s", (name,)).fetchall()
    assert len(rows) == 1
    admin.delete(f"/api/admin/companies/{rows[0]['id']}")


def test_in_progress_is_told_at_once(admin, owner):
    """Somebody holds the key's lock, as a gateway of another host would."""
    name = unique("held")
    admin_id = owner.execute("SELECT id FROM admins ORDER BY id LIMIT 1").fetchone()["id"]
    with owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(hashtextextended('createCompany ' || %s, 0))",
                      (f"{admin_id}/{name}",))
        reply = keyed(admin, "/api/admin/companies", {"name": name}, name)
    assert (reply.status, reply.body["code"]) == (409, "idempotency_in_progress")
    assert reply.headers["Retry-After"] == "1"
    made = keyed(admin, "/api/admin/companies", {"name": name}, name)
    assert made.status == 201 and not is_replay(made)
    admin.delete(f"/api/admin/companies/{made.body['data']['id']}")


def post_until_answered(api, path, body, key):
    """As a client should: the same request with the same key until there is an answer."""
    def ask():
        try:
            reply = keyed(api, path, body, key)
        except (OSError, http.client.HTTPException):
            return None
        return reply if reply.status not in (409, 503) else None

    return wait_until(ask, f"an answer to {path}", 30)


def test_a_gateway_killed_between_statement_and_commit(admin, owner, gateway):
    name = unique("killed")
    with ThreadPoolExecutor(1) as pool:
        with owner.transaction():
            # The creation runs up to its token, and waits there inside its transaction.
            owner.execute("LOCK TABLE tokens IN SHARE MODE")
            lost = pool.submit(lambda: keyed(admin, "/api/admin/companies", {"name": name}, name))
            wait_until(lambda: owner.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND relation"
                                             " = 'tokens'::regclass").fetchone(), "the creation to wait")
            gateway.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            lost.result(30)
    gateway.restart()
    made = post_until_answered(admin, "/api/admin/companies", {"name": name}, name)
    assert made.status == 201
    rows = owner.execute("SELECT id FROM companies WHERE name = %s", (name,)).fetchall()
    assert [r["id"] for r in rows] == [made.body["data"]["id"]]
    admin.delete(f"/api/admin/companies/{rows[0]['id']}")


def test_a_gateway_killed_under_creations(admin, owner, gateway):
    """At whatever point: every key made one company, and its token is good."""
    names = [unique("storm") for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(post_until_answered, admin, "/api/admin/companies", {"name": n}, n)
                 for n in names]
        wait_until(lambda: sum(a.done() for a in asked) >= 5, "some creations")
        gateway.kill()
        gateway.restart()
        replies = [a.result(60) for a in asked]
    for name, reply in zip(names, replies):
        row = reply.body["data"]
        assert owner.execute("SELECT array_agg(id) AS ids FROM companies WHERE name = %s",
                             (name,)).fetchone()["ids"] == [row["id"]]
        assert admin.with_token(row["token"]).get("/api/instances") == []
        admin.delete(f"/api/admin/companies/{row['id']}")


def test_a_gateway_killed_while_the_provider_creates(company, owner, sim, gateway):
    """The instance is committed with its key before the provider is asked."""
    name = unique("slow")
    body = {"instance_name": name, "provider_id": company.provider["id"]}
    sim.fault("waha", "latency", value=3000, rate=1, for_ms=4000)
    try:
        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(keyed, company.api, "/api/instances", body, name)
            wait_until(lambda: owner.execute("SELECT 1 FROM instances WHERE instance_name = %s",
                                             (name,)).fetchone(), "the row")
            gateway.kill()
            with pytest.raises((OSError, http.client.HTTPException)):
                lost.result(30)
    finally:
        sim.fault("waha", "latency", value=0, rate=0, for_ms=1)
    gateway.restart()
    again = post_until_answered(company.api, "/api/instances", body, name)
    assert (again.status, is_replay(again)) == (201, True)
    rows = owner.execute("SELECT id FROM instances WHERE instance_name = %s", (name,)).fetchall()
    assert [r["id"] for r in rows] == [again.body["data"]["id"]]
    token = company.api.with_token(again.body["data"]["token"])
    assert token.get("/instance/status")["instance"]["name"] == name


def test_groups_are_created_once(company, instance, sim):
    api = company.api.with_token(instance["token"])
    body = {"name": unique("group"), "participants": [PHONE]}
    first, again = (keyed(api, "/group/create", body, "g-1") for _ in range(2))
    assert first.status == again.status == 200, first.body
    assert again.body == first.body
    assert not is_replay(first) and is_replay(again)
    other = keyed(api, "/group/create", {**body, "name": "another"}, "g-1")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_call_under_way_is_not_made_twice(company, instance, owner, sim):
    api = company.api.with_token(instance["token"])
    body = {"name": unique("group"), "participants": [PHONE]}
    sim.fault("waha", "latency", value=1000, rate=1, for_ms=5000)
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(keyed, api, "/group/create", body, "g-2")
            wait_until(lambda: owner.execute("SELECT 1 FROM idempotent_replies WHERE company_id = %s",
                                             (company.id,)).fetchone(), "the note")
            second = keyed(api, "/group/create", body, "g-2")
            first = running.result(30)
    finally:
        sim.fault("waha", "latency", value=0, rate=0, for_ms=1)
    assert (second.status, second.body["code"]) == (409, "idempotency_in_progress")
    assert first.status == 200 and not is_replay(first)
    assert is_replay(keyed(api, "/group/create", body, "g-2"))


def test_a_note_of_a_dead_gateway_is_taken_over(company, instance, owner):
    api = company.api.with_token(instance["token"])
    body = {"name": unique("group"), "participants": [PHONE]}
    first = keyed(api, "/group/create", body, "g-3")
    owner.execute("UPDATE idempotent_replies SET status = NULL, content_type = NULL, reply = NULL"
                  " WHERE company_id = %s", (company.id,))
    young = keyed(api, "/group/create", body, "g-3")
    assert (young.status, young.body["code"]) == (409, "idempotency_in_progress")
    owner.execute("UPDATE idempotent_replies SET created_at = now() - interval '11 min'"
                  " WHERE company_id = %s", (company.id,))
    taken = keyed(api, "/group/create", body, "g-3")
    assert taken.status == 200 and not is_replay(taken)
    assert first.body["data"] != taken.body["data"]


def test_a_call_that_was_not_made_leaves_its_key_free(company, idle):
    api = company.api.with_token(idle["token"])
    company.api.with_token(idle["token"]).request("POST", "/instance/disconnect", {})
    for _ in range(2):
        reply = keyed(api, "/group/create", {"name": "g", "participants": [PHONE]}, "g-4")
        assert reply.status in (409, 502) and not is_replay(reply), reply.body


def test_a_key_on_a_route_without_one_is_ignored(company, idle, sim):
    hook = company.api.post(f"/api/instances/{idle['id']}/webhooks",
                            {"url": sim.hook_url("keyed"), "events": ["*"]})
    path = f"/api/instances/{idle['id']}/webhooks/{hook['id']}/enable"
    assert not any(is_replay(keyed(company.api, path, None, "k")) for _ in range(2))
