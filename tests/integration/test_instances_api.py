"""/api/instances and their webhooks: creation at the provider, slots, settings, tokens, endpoints."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import unique
from test_messages_api import raises

ROW = {"id", "company_id", "provider_id", "instance_name", "phone_number", "status",
       "webhook_url", "external_instance_id", "settings", "created_at", "updated_at", "company_name"}


def new_provider(admin, env, **fields):
    return admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("waha"), "base_url": f"{env['GROWHUB_SIM_URL']}/waha",
        "api_key": "sim", **fields})


def create(company, **fields):
    return company.api.post("/api/instances", {
        "instance_name": unique("instance"), "provider_id": company.provider["id"], **fields})


def session_of(sim, row):
    """The session at the simulated provider."""
    request = urllib.request.Request(
        f"{sim.url}/waha/api/sessions/{row['external_instance_id']}", headers={"X-Api-Key": "sim"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_create_makes_row_token_key_and_session(company, sim, db):
    row = create(company, instance_name="Loja São Paulo", phone_number=5511999990000)
    assert ROW <= set(row) and row["company_name"] == company.row["name"]
    assert row["status"] in ("connecting", "qr", "connected")
    assert row["external_instance_id"].startswith(f"{company.id}-Loja-Sao-Paulo")
    token = db.execute("SELECT * FROM tokens WHERE instance_id = %s", (row["id"],)).fetchone()
    assert token["kind"] == "instance" and row["token"].encode() not in bytes(token["token_hash"])
    key = db.execute("SELECT * FROM webhook_keys WHERE instance_id = %s", (row["id"],)).fetchone()
    assert key["provider_type"] == "waha" and key["hmac_secret_sealed"] is not None
    assert session_of(sim, row)["config"]["metadata"]["instance"] == str(row["id"])
    assert company.api.get(f"/api/instances/{row['id']}")["id"] == row["id"]


def test_bad_fields(company):
    with raises("validation_failed", 422) as e:
        company.api.post("/api/instances", {
            "instance_name": "", "provider_id": 0, "webhook_url": "http://10.0.0.1/",
            "webhooks": [{"url": "ftp://x", "events": ["nope"]}, {}, 7]})
    assert {"instance_name", "provider_id", "webhook_url", "webhooks[0].url",
            "webhooks[0].events[0]", "webhooks[1].url", "webhooks[2]"} <= set(e.errors)
    assert "message.sent" in e.errors["webhooks[0].events[0]"]
    for name in ("x" * 101, "a\nb", 7, None):
        with raises("validation_failed", 422) as e:
            create(company, instance_name=name)
        assert list(e.errors) == ["instance_name"]


def test_names_are_unique_while_not_deleted(company, new_company):
    first = create(company, instance_name="shop")
    with raises("duplicate_name", 409) as e:
        create(company, instance_name="shop")
    assert "instance_name" in e.errors
    create(new_company(), instance_name="shop")
    other = create(company, instance_name="shop 2")
    with raises("duplicate_name", 409):
        company.api.put(f"/api/instances/{other['id']}", {"instance_name": "shop"})
    company.api.delete(f"/api/instances/{first['id']}")
    again = create(company, instance_name="shop")
    assert again["external_instance_id"] != first["external_instance_id"]
    assert again["external_instance_id"].startswith(first["external_instance_id"] + "-")


def test_external_ids_of_names_that_fold_alike(company):
    ids = {create(company, instance_name=n)["external_instance_id"]
           for n in ("loja 1", "loja/1", "日本", "中国", "x" * 100, "x" * 99 + "é")}
    assert len(ids) == 6 and all(len(i) <= 54 for i in ids)


def test_provider_given_must_exist_be_active_and_have_a_slot(company, admin, env):
    with raises("not_found", 404):
        create(company, provider_id=2147483647)
    off = new_provider(admin, env, is_active=False)
    with raises("conflict", 409):
        create(company, provider_id=off["id"])
    small = new_provider(admin, env, max_instances=1)
    first = create(company, provider_id=small["id"])
    with raises("conflict", 409):
        create(company, provider_id=small["id"])
    company.api.delete(f"/api/instances/{first['id']}")
    create(company, provider_id=small["id"])


def test_slots_are_exact_under_concurrency(company, admin, env, db):
    small = new_provider(admin, env, max_instances=3)

    def attempt(_):
        return company.api.request("POST", "/api/instances", {
            "instance_name": unique("race"), "provider_id": small["id"]}).status

    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(pool.map(attempt, range(12)))
    assert statuses == [201] * 3 + [409] * 9
    assert db.execute("SELECT count(*) AS n FROM instances WHERE provider_id = %s",
                      (small["id"],)).fetchone()["n"] == 3


def test_provider_failure_leaves_status_error(company, admin, env):
    dead = new_provider(admin, env, base_url="http://127.0.0.1:9/waha")
    row = create(company, provider_id=dead["id"])
    assert row["status"] == "error" and "provider_unreachable" in row["status_reason"]
    assert row["token"]
    wrong = new_provider(admin, env, api_key="wrong")
    assert create(company, provider_id=wrong["id"])["status"] == "error"


def test_another_company_sees_nothing(company, new_company):
    row, other = create(company), new_company().api
    path = f"/api/instances/{row['id']}"
    for call in (lambda: other.get(path), lambda: other.put(path, {"instance_name": "x"}),
                 lambda: other.delete(path), lambda: other.post(f"{path}/token", {}),
                 lambda: other.get(f"{path}/webhooks"),
                 lambda: other.post(f"{path}/webhooks", {"url": "https://example.org/", "events": ["*"]})):
        with raises("not_found", 404):
            call()
    assert other.get("/api/instances") == []


def test_list(company):
    ids = [create(company)["id"] for _ in range(3)][::-1]
    reply = company.api.request("GET", "/api/instances?limit=2").body
    assert [r["id"] for r in reply["data"]] == ids[:2] and reply["total"] == 3
    cursor = urllib.parse.quote(reply["next_cursor"])
    assert [r["id"] for r in company.api.get(f"/api/instances?limit=2&cursor={cursor}")] == ids[2:]


def test_update_merges_settings(company):
    path = f"/api/instances/{create(company)['id']}"
    row = company.api.put(path, {"instance_name": "renamed", "settings": {"per_minute": 30}})
    assert row["instance_name"] == "renamed" and row["settings"] == {"per_minute": 30}
    row = company.api.put(path, {"settings": {"ordered": True, "in_doubt_policy": "hold"}})
    assert row["settings"] == {"per_minute": 30, "ordered": True, "in_doubt_policy": "hold"}
    with raises("validation_failed", 422) as e:
        company.api.put(path, {"settings": {"per_minute": -1, "max_attempts": 0, "ordered": 1,
                                            "in_doubt_policy": "x", "jitter_ms": "a"}})
    assert set(e.errors) == {f"settings.{k}" for k in
                             ("per_minute", "max_attempts", "ordered", "in_doubt_policy", "jitter_ms")}


def test_rotate_token(company, db):
    row = create(company)
    path = f"/api/instances/{row['id']}/token"
    second = company.api.post(path, {"overlap_seconds": 600})["token"]
    third = company.api.post(path, {})["token"]
    assert len({row["token"], second, third}) == 3
    alive = db.execute("SELECT count(*) AS n FROM tokens WHERE instance_id = %s "
                       "AND revoked_at IS NULL", (row["id"],)).fetchone()["n"]
    assert alive == 1
    with raises("validation_failed", 422):
        company.api.post(path, {"overlap_seconds": -1})


def test_delete(company, sim, db):
    row = create(company)
    path = f"/api/instances/{row['id']}"
    assert company.api.delete(path)["status"] == "deleted"
    with raises("not_found", 404):
        company.api.get(path)
    with raises("not_found", 404):
        company.api.delete(path)
    assert company.api.get("/api/instances") == []
    with pytest.raises(urllib.error.HTTPError):
        session_of(sim, row)
    left = db.execute(
        "SELECT (SELECT count(*) FROM tokens WHERE instance_id = %(i)s AND revoked_at IS NULL)"
        " + (SELECT count(*) FROM webhook_keys WHERE instance_id = %(i)s AND revoked_at IS NULL)"
        " AS n", {"i": row["id"]}).fetchone()
    assert left["n"] == 0


# ---- webhooks ----

HOOK = {"url": "https://example.org/hook", "events": ["message.sent", "on-connected"]}


@pytest.fixture
def hooks(company):
    """(client, path) of the webhooks of a fresh instance."""
    return company.api, f"/api/instances/{create(company)['id']}/webhooks"


def test_webhook_life(hooks, db):
    api, path = hooks
    row = api.post(path, {**HOOK, "custom_headers": {"X-Key": "very secret"}})
    assert row["secret"].startswith("whsec_") and row["format"] == "growhub"
    assert row["custom_headers"] == {"X-Key": "***"} and row["failure_state"] == "ok"
    stored = db.execute("SELECT * FROM instance_webhooks WHERE id = %s", (row["id"],)).fetchone()
    assert stored["event_mask"] == 1 << 3 | 1 << 15 and stored["events"] == HOOK["events"]
    assert b"very secret" not in bytes(stored["custom_headers_sealed"])
    sealed = db.execute("SELECT secret_sealed FROM webhook_secrets WHERE endpoint_id = %s",
                        (row["id"],)).fetchone()["secret_sealed"]
    assert row["secret"].encode() not in bytes(sealed)
    listed = api.get(path)
    assert [h["id"] for h in listed] == [row["id"]] and "secret" not in listed[0]
    changed = api.put(f"{path}/{row['id']}", {"is_active": False, "format": "standard",
                                              "events": ["*"]})
    assert changed["is_active"] is False and changed["url"] == HOOK["url"]
    assert changed["custom_headers"] == {"X-Key": "***"}
    assert api.put(f"{path}/{row['id']}", {"custom_headers": {}})["custom_headers"] == {}
    api.delete(f"{path}/{row['id']}")
    assert api.get(path) == []
    with raises("not_found", 404):
        api.put(f"{path}/{row['id']}", {"is_active": True})
    with raises("not_found", 404):
        api.delete(f"{path}/{row['id']}")


def test_webhook_mask_has_only_types_the_format_can_name(hooks, db):
    api, path = hooks
    row = api.post(path, {**HOOK, "events": ["*"]})
    mask = lambda: db.execute("SELECT event_mask FROM instance_webhooks WHERE id = %s",
                              (row["id"],)).fetchone()["event_mask"]
    assert mask() & (1 << 2 | 1 << 10 | 1 << 1) == 1 << 1
    api.put(f"{path}/{row['id']}", {"format": "standard"})
    assert mask() & (1 << 2 | 1 << 10) == 1 << 2 | 1 << 10


def test_webhook_secret_of_the_client(hooks):
    api, path = hooks
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert api.post(path, {**HOOK, "secret": secret})["secret"] == secret
    assert api.post(path, {**HOOK, "hmac": {"key": secret}})["secret"] == secret
    with raises("validation_failed", 422) as e:
        api.post(path, {**HOOK, "secret": "short"})
    assert list(e.errors) == ["secret"]


@pytest.mark.parametrize("field, value", [
    ("url", None), ("url", "http://example.org"[:4]), ("url", "https://10.1.2.3/"),
    ("url", "https://[::ffff:169.254.169.254]/"), ("url", "http://8.8.8.8/"),
    ("url", "https://user@example.org/"), ("url", "https://example.org:22/"),
    ("events", None), ("events", []), ("format", "xml"), ("is_active", "yes"),
    ("custom_headers", {"Host": "x"}), ("custom_headers", {"webhook-id": "x"}),
    ("custom_headers", {"X-A": "a\r\nb"}), ("custom_headers", {"X A": "b"}),
    ("custom_headers", {"X-A": 1}), ("custom_headers", "x"),
    ("customHeaders", [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]),
])
def test_webhook_bad_field(hooks, field, value):
    api, path = hooks
    with raises("validation_failed", 422) as e:
        api.post(path, {**HOOK, field: value})
    assert list(e.errors) == [field]


def test_webhook_of_the_prototype(company):
    row = create(company, webhook_url="https://example.org/a", webhooks=[
        {"url": "https://example.org/b", "events": ["message", "message.ack"], "retries": 3,
         "customHeaders": [{"name": "X-A", "value": "1"}]}])
    assert row["webhook_url"] == "https://example.org/a"
    assert [w["events"] for w in row["webhooks"]] == [["*"], ["message", "message.ack"]]
    assert all(w["secret"].startswith("whsec_") for w in row["webhooks"])
    assert len(company.api.get(f"/api/instances/{row['id']}/webhooks")) == 2


def test_the_key_of_the_prototype_is_the_secret(company):
    """Any text of 24 to 64 bytes; what is a secret already stays what it is."""
    plain, secret = "a key of the old kind, in plain text", "whsec_" + "QUJD" * 8
    row = create(company, webhooks=[{"url": "https://example.org/a", "hmac": {"key": key}}
                                    for key in (plain, secret)])
    assert [w["secret"] for w in row["webhooks"]] == [
        "whsec_" + base64.b64encode(plain.encode()).decode(), secret]
    for short in ("x" * 23, "é" * 33, "whsec_AAAA"):
        with raises("validation_failed", 422) as e:
            create(company, webhooks=[{"url": "https://example.org/a", "hmac": {"key": short}}])
        assert list(e.errors) == ["webhooks[0].hmac.key"]
