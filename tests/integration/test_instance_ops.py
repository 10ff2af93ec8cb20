"""The instance token's routes about the instance itself: pairing, state, presence, its end; slots
under a crowd; sessions that fail, vanish or post to an old address."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import unique, wait_until
from test_instances_api import new_provider
from test_messages_api import raises

PNG = b"\x89PNG\r\n"


def opened(company, sim, **state):
    """(row, client with the instance token, its session's name); state: see Sim.session."""
    row = company.instance()
    if state:
        sim.session(row["external_instance_id"], **state)
    return row, company.api.with_token(row["token"]), row["external_instance_id"]


def status_is(company, row, *wanted):
    return wait_until(lambda: (r := company.api.get(f"/api/instances/{row['id']}"))["status"]
                      in wanted and r, f"instance {row['id']} to be {wanted}", 20)


def events_of(db, row):
    return [e["type"] for e in db.execute(
        "SELECT type FROM events WHERE instance_id = %s ORDER BY id", (row["id"],)).fetchall()]


# ---- connect, QR, pairing code ----

def test_connect_when_connected(company, sim):
    row, api, session = opened(company, sim)
    data = api.post("/instance/connect", {})
    assert set(data) == {"connected", "loggedIn", "jid", "qrcode", "paircode", "status"}
    assert data["connected"] is data["loggedIn"] is True and data["status"] == "connected"
    assert data["jid"].endswith("@c.us") and data["qrcode"] == data["paircode"] == ""
    for path in ("/instance/qrcode", "/instance/qrcode/image"):
        with raises("already_connected", 409):
            api.get(path)
    with raises("already_connected", 409):
        company.api.get(f"/api/instances/{row['id']}/qrcode")


def test_pairing(company, sim, db):
    row, api, session = opened(company, sim)
    data = api.post("/instance/disconnect", None)
    assert (data["connected"], data["status"]) == (False, "stopped")
    assert sim.session(session)["status"] == "STOPPED"
    assert status_is(company, row, "disconnected")["status_reason"] == "STOPPED"
    assert 16 in events_of(db, row)
    with raises("instance_not_connected", 409) as e:
        api.get("/instance/qrcode")
    assert "stopped" in e.message

    data = api.post("/instance/connect", {})
    assert data["status"] == "scan_qr_code" and data["connected"] is False
    assert data["qrcode"].startswith("data:image/png;base64,iVBOR") and data["jid"] is None
    code = api.post("/instance/connect", {"phone": "+5511900000001"})
    assert code["paircode"] == "WXYZ-1234" and code["status"] == "scan_qr_code"

    shown = api.get("/instance/qrcode")
    assert shown["qrcode"] == data["qrcode"] and shown["expires_at"] > row["created_at"]
    picture = api.request("GET", "/instance/qrcode/image")
    assert picture.headers["Content-Type"] == "image/png" and picture.raw.startswith(PNG)
    path = f"/api/instances/{row['id']}/qrcode"
    assert company.api.get(path)["qrcode"] == data["qrcode"]
    assert company.api.get(f"{path}?format=raw")["value"].startswith("2@sim")
    assert company.api.request("GET", f"{path}?format=png").raw == picture.raw
    with raises("validation_failed", 422) as e:
        company.api.get(f"{path}?format=gif")
    assert list(e.errors) == ["format"]

    state = api.get("/instance/status")
    assert state["instance"]["status"] == "scan_qr_code"
    assert state["instance"]["qrcode"] == data["qrcode"]
    assert state["instance"]["lastDisconnect"] > row["created_at"]
    assert state["instance"]["lastDisconnectReason"] == "STOPPED"
    sim.session(session, is_paired=True, status="WORKING")
    status_is(company, row, "connected")
    assert api.get("/instance/status")["status"]["connected"] is True


@pytest.mark.parametrize("phone", ["", "12", "55 11 9", "5511900000001234", True])
def test_connect_bad_phone(company, sim, phone):
    _, api, _ = opened(company, sim)
    with raises("validation_failed", 422) as e:
        api.post("/instance/connect", {"phone": phone})
    assert list(e.errors) == ["phone"]


def test_connect_revives_a_session_whose_pairing_is_gone(company, sim):
    """A restart does not help: logged out once, it can be paired again."""
    row, api, session = opened(company, sim, is_broken=True, status="FAILED")
    status_is(company, row, "failed")
    data = api.post("/instance/connect", {})
    assert data["status"] in ("failed", "connecting")
    shown = sim.session(session)
    assert shown["restarts"] >= 2 and not shown["is_paired"]
    sim.session(session, is_broken=False)
    assert api.post("/instance/connect", {})["status"] == "scan_qr_code"


def test_restart(company, sim):
    row, api, session = opened(company, sim)
    assert api.post("/instance/restart", None)["status"] == "connecting"
    assert sim.session(session)["restarts"] == 1
    wait_until(lambda: sim.session(session)["status"] == "WORKING", "the session")


# ---- state, name, presence, privacy ----

def test_status_has_every_field(company, sim):
    row, api, session = opened(company, sim)
    data = api.get("/instance/status")
    assert set(data) == {"instance", "status"}
    assert set(data["instance"]) == {
        "id", "status", "name", "qrcode", "paircode", "profileName", "profilePicUrl", "isBusiness",
        "platform", "systemName", "owner", "lastDisconnect", "lastDisconnectReason", "created",
        "updated"}
    shown = data["instance"]
    assert (shown["id"], shown["name"]) == (row["id"], row["instance_name"])
    assert shown["status"] == "connected" and shown["owner"].startswith("55119")
    assert shown["profileName"] == "Sim" and shown["profilePicUrl"].endswith(".jpg")
    assert shown["lastDisconnect"] is None and shown["created"] == row["created_at"]
    assert data["status"]["jid"] == f"{shown['owner']}@c.us"


def test_name(company, sim):
    row, api, _ = opened(company, sim)
    other = company.instance(is_connected=False)
    assert api.put("/instance/name", {"name": "Renamed"})["instance_name"] == "Renamed"
    assert api.put("/instance/name", {"name": "x"})["external_instance_id"] == \
        row["external_instance_id"]
    with raises("duplicate_name", 409):
        api.put("/instance/name", {"name": other["instance_name"]})
    for name in ("", "a\nb", "x" * 101, 7, None):
        with raises("validation_failed", 422) as e:
            api.put("/instance/name", {"name": name})
        assert list(e.errors) == ["name"]


def test_presence(company, sim):
    _, api, session = opened(company, sim)
    assert api.put("/instance/presence", {"status": "unavailable"}) == {"status": "unavailable"}
    assert sim.session(session)["presence"] == "offline"
    api.put("/instance/presence", {"status": "available", "message": "Ocupado até as 5"})
    shown = sim.session(session)
    assert (shown["presence"], shown["about"]) == ("online", "Ocupado até as 5")
    api.put("/instance/presence", {"status": "composing", "number": "5511900000002"})
    assert sim.session(session)["presence"] == "typing"
    with raises("not_supported", 501) as e:
        api.put("/instance/presence", {"status": "paused"})
    assert "waha" in e.message and "18.6" in e.message
    with raises("validation_failed", 422) as e:
        api.put("/instance/presence", {"status": "asleep", "number": "nobody", "message": "a\nb"})
    assert set(e.errors) == {"status", "number", "message"}
    sim.session(session, status="STOPPED")
    with raises("instance_not_connected", 409):
        api.put("/instance/presence", {"status": "available"})


def test_privacy_is_not_supported(company, sim):
    _, api, _ = opened(company, sim)
    for call in (lambda: api.get("/instance/privacy"),
                 lambda: api.put("/instance/privacy", {"last": "contacts"})):
        with raises("not_supported", 501) as e:
            call()
        assert "waha" in e.message and "18.6" in e.message
    for body in ({}, {"unknown": "all"}, {"last": "me"}):
        with raises("validation_failed", 422):
            api.put("/instance/privacy", body)


# ---- tokens, the end, provider trouble ----

def test_token_header_and_deleted_instance(company, sim):
    row, api, session = opened(company, sim)
    bare = company.api.with_token(None)
    reply = bare.request("GET", "/instance/status", headers={"token": row["token"]})
    assert reply.status == 200
    assert api.delete("/instance")["status"] == "deleted"
    with pytest.raises(urllib.error.HTTPError):
        sim.session(session)
    wait_until(lambda: api.request("GET", "/instance/status").body.get("code")
               == "instance_deleted", "the token's end in every gateway")
    reply = bare.request("PUT", "/instance/name", {"name": "x"}, headers={"token": row["token"]})
    assert (reply.status, reply.body["code"]) == (403, "instance_deleted")


@pytest.mark.parametrize("fault, value, status, code", [
    ("status", 500, 502, "provider_error"), ("status", 401, 502, "provider_error"),
    ("reset_before", 0, 502, "provider_error"), ("hang", 0, 504, "provider_timeout")])
def test_provider_trouble(company, sim, fault, value, status, code):
    _, api, _ = opened(company, sim)
    sim.fault("waha", fault, value=value, rate=1, for_ms=20000)
    try:
        reply = api.request("GET", "/instance/status")
    finally:
        sim.fault("waha", fault, value=value, rate=0, for_ms=1)
    assert (reply.status, reply.body["code"]) == (status, code)


# ---- superadmin: the providers' own sessions ----

def test_sessions_of_the_providers(company, admin, sim, env):
    row, _, session = opened(company, sim)
    wrong = new_provider(admin, env, api_key="wrong")
    try:
        reply = admin.request("GET", "/api/admin/instances").body
    finally:
        admin.delete(f"/api/admin/providers/{wrong['id']}")
    mine = [r for r in reply["data"] if r["external_instance_id"] == session
            and r["provider_id"] == row["provider_id"]]
    assert len(mine) == 1 and set(mine[0]) == {
        "provider_id", "provider_name", "provider_type", "external_instance_id", "status", "data"}
    assert (mine[0]["provider_type"], mine[0]["status"]) == ("waha", "connected")
    assert mine[0]["data"]["status"] == "WORKING" and "config" not in mine[0]["data"]
    assert reply["total"] == len(reply["data"])
    errors = {e["provider_id"]: e for e in reply["provider_errors"]}
    assert errors[wrong["id"]]["code"] == "provider_unauthorized"
    assert errors[wrong["id"]]["provider_name"] == wrong["name"]


def test_superadmin_disconnects_and_deletes_a_session(company, admin, sim, db):
    row, api, session = opened(company, sim)
    path = f"/api/admin/instances/{row['provider_id']}/{session}"
    assert admin.post(f"{path}/disconnect", None)["status"] == "stopped"
    assert sim.session(session)["status"] == "STOPPED"
    status_is(company, row, "disconnected")
    assert 16 in events_of(db, row)
    assert admin.delete(path)["status"] == "deleted"
    with raises("not_found", 404):
        company.api.get(f"/api/instances/{row['id']}")
    for call in (lambda: admin.delete(path), lambda: admin.post(f"{path}/disconnect", None),
                 lambda: admin.delete(f"/api/admin/instances/2147483646/{session}"),
                 lambda: admin.delete(f"/api/admin/instances/{row['provider_id']}/no%20name")):
        with raises("not_found", 404):
            call()


def test_superadmin_deletes_a_session_of_nobody(company, admin, sim, provider):
    name = unique("stray")
    request = urllib.request.Request(
        f"{sim.url}/waha/api/sessions", data=json.dumps({"name": name}).encode(), method="POST",
        headers={"X-Api-Key": "sim", "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
    path = f"/api/admin/instances/{provider['id']}/{name}"
    assert admin.post(f"{path}/disconnect", None)["external_instance_id"] == name
    assert admin.delete(path)["status"] == "stopped"
    with pytest.raises(urllib.error.HTTPError):
        sim.session(name)


# ---- slots ----

def healthy(owner, row):
    owner.execute("UPDATE providers SET health_status = 'healthy' WHERE id = %s", (row["id"],))
    return row


def test_a_hundred_creations_for_ten_slots(new_company, admin, env, owner, db):
    """Ours to choose: two small providers fill up, evenly and exactly, and no other takes part."""
    others = [r["id"] for r in db.execute("SELECT id FROM providers WHERE is_active").fetchall()]
    company = new_company()
    small = [healthy(owner, new_provider(admin, env, max_instances=n)) for n in (6, 4)]
    owner.execute("UPDATE providers SET is_active = false WHERE id = ANY(%s)", (others,))
    try:
        with ThreadPoolExecutor(50) as pool:
            replies = list(pool.map(lambda _: company.api.request(
                "POST", "/api/instances", {"instance_name": unique("crowd")}), range(100)))
    finally:
        owner.execute("UPDATE providers SET is_active = true WHERE id = ANY(%s)", (others,))
    refused = [r for r in replies if r.status != 201]
    assert len(refused) == 90 and {(r.status, r.body["code"]) for r in refused} == \
        {(503, "no_provider")}
    assert all(int(r.headers["Retry-After"]) > 0 for r in refused)
    for row, slots in zip(small, (6, 4)):
        shown = admin.get(f"/api/admin/providers/{row['id']}")
        assert shown["current_instances"] == slots
    used = [r.body["data"]["provider_id"] for r in replies if r.status == 201]
    assert sorted(used) == [small[0]["id"]] * 6 + [small[1]["id"]] * 4
    for reply in replies:
        if reply.status == 201:
            company.api.delete(f"/api/instances/{reply.body['data']['id']}")
    assert admin.get(f"/api/admin/providers/{small[0]['id']}")["current_instances"] == 0


def test_the_provider_with_the_fewest_instances_is_chosen(company, admin, env, owner, db):
    others = [r["id"] for r in db.execute("SELECT id FROM providers WHERE is_active").fetchall()]
    two = [healthy(owner, new_provider(admin, env)) for _ in range(2)]
    sick = new_provider(admin, env)
    owner.execute("UPDATE providers SET is_active = false WHERE id = ANY(%s)", (others,))
    owner.execute("UPDATE providers SET health_status = 'unhealthy' WHERE id = %s", (sick["id"],))
    try:
        chosen = [company.api.post("/api/instances", {"instance_name": unique("even")})
                  ["provider_id"] for _ in range(4)]
    finally:
        owner.execute("UPDATE providers SET is_active = true WHERE id = ANY(%s)", (others,))
    assert chosen == [two[0]["id"], two[1]["id"]] * 2


# ---- healthd ----

def config_of(sim, session):
    request = urllib.request.Request(f"{sim.url}/waha/api/sessions/{session}",
                                     headers={"X-Api-Key": "sim"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())["config"]


def test_failed_sessions_are_restarted_with_growing_waits(company, sim, owner, db):
    row, _, session = opened(company, sim, is_broken=True, status="FAILED")
    wait_until(lambda: sim.session(session)["restarts"] == 1, "the first restart", 20)
    status_is(company, row, "failed")
    mend = lambda: db.execute("SELECT mend_tries AS n, extract(epoch FROM mend_at - now()) AS wait_s"
                              " FROM instances WHERE id = %s", (row["id"],)).fetchone()
    first = mend()
    assert first["n"] == 1 and 0 < first["wait_s"] <= 15
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (row["id"],))
    wait_until(lambda: sim.session(session)["restarts"] == 2, "the second restart", 20)
    assert 15 < mend()["wait_s"] <= 30
    status_is(company, row, "failed")
    sim.session(session, is_broken=False)
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (row["id"],))
    status_is(company, row, "connected")
    assert mend()["n"] == 0
    sent = company.send(row, content="Still the same instance")
    company.wait_status(sent["id"], "read", timeout=20)


def test_a_session_the_provider_lost_is_made_again(company, sim, db):
    row, api, session = opened(company, sim)
    request = urllib.request.Request(f"{sim.url}/waha/api/sessions/{session}", method="DELETE",
                                     headers={"X-Api-Key": "sim"})
    urllib.request.urlopen(request, timeout=10).close()
    reply = api.request("GET", "/instance/status")
    assert (reply.status, reply.body["code"]) == (409, "instance_not_connected")
    status_is(company, row, "connected")
    assert 18 in events_of(db, row)
    sent = company.send(row, content="Back")
    company.wait_status(sent["id"], "read", timeout=20)


def test_the_webhook_follows_the_public_url(company, sim, owner):
    """As after a change of public_url: the provider has the old one, and more of its own."""
    row, _, session = opened(company, sim)
    config = config_of(sim, session)
    right = config["webhooks"][0]["url"]
    old = "http://127.0.0.1:9/webhook/waha/" + right.rsplit("/", 1)[1]
    config["webhooks"] = [{"url": "http://127.0.0.1:9/theirs", "events": ["*"]},
                          {**config["webhooks"][0], "url": old}]
    config["metadata"]["kept"] = "yes"
    request = urllib.request.Request(
        f"{sim.url}/waha/api/sessions/{session}", data=json.dumps({"config": config}).encode(),
        method="PUT", headers={"X-Api-Key": "sim", "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
    owner.execute("UPDATE webhook_keys SET told_base = 'http://127.0.0.1:9' WHERE instance_id = %s",
                  (row["id"],))
    wait_until(lambda: right in [w["url"] for w in config_of(sim, session)["webhooks"]],
               "the webhook to move", 20)
    moved = config_of(sim, session)
    assert [w["url"] for w in moved["webhooks"]] == ["http://127.0.0.1:9/theirs", right]
    assert moved["metadata"]["kept"] == "yes" and moved["noweb"]["store"]["enabled"] is True
    told = lambda: owner.execute("SELECT told_base FROM webhook_keys WHERE instance_id = %s",
                                 (row["id"],)).fetchone()["told_base"]
    wait_until(lambda: right.startswith(told() + "/webhook/"), "the row to say so")
    updates = sim.session(session)["updates"]
    sent = company.send(row, content="Heard again")
    company.wait_status(sent["id"], "read", timeout=20)
    # A session that has the right URL already is not disturbed.
    owner.execute("UPDATE webhook_keys SET told_base = '', tell_at = now() WHERE instance_id = %s",
                  (row["id"],))
    wait_until(lambda: told() != "", "the row to say so again", 20)
    assert sim.session(session)["updates"] == updates
