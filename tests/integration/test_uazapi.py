"""UAZAPI behind the API: sessions with keys of their own, webhooks proved by them."""

import http.server
import json
import threading
import urllib.error
import urllib.request

import pytest

from support import Company, paused, unique, wait_until
from test_main_path import endpoint, events

SCOPE = "uazapi"


@pytest.fixture(scope="module")
def uazapi(admin, env):
    """The simulated UAZAPI server as a provider row."""
    return admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10000})


@pytest.fixture
def company(admin, uazapi):
    """One fresh tenant, whose instances live at UAZAPI."""
    made = Company(admin, uazapi)
    yield made
    made.close()


def call(sim, method, path, body=None, **headers):
    """What the provider itself answers; (status, body)."""
    request = urllib.request.Request(
        f"{sim.url}/uazapi{path}", method=method, headers={"Content-Type": "application/json",
                                                           **headers},
        data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read() or b"null")


def at_provider(sim, row):
    """The provider's instances with the session's name."""
    status, listed = call(sim, "GET", "/instance/all", admintoken="sim")
    assert status == 200
    return [i for i in listed if i["name"] == row["external_instance_id"]]


def session_key(sim, row):
    (own,) = at_provider(sim, row)
    return own["token"]


def webhook_url(sim, row):
    status, hooks = call(sim, "GET", "/webhook", token=session_key(sim, row))
    assert status == 200 and len(hooks) == 1
    return hooks[0]["url"]


def post(url, body):
    request = urllib.request.Request(url, method="POST", data=json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code


def state(company, row):
    return company.api.get(f"/api/instances/{row['id']}")


def connection_event(row, token):
    return {"BaseUrl": "http://localhost", "EventType": "connection", "owner": "", "token": token,
            "instanceName": row["external_instance_id"],
            "instance": {"name": row["external_instance_id"], "status": "connected"}}


# ---- creation, step by step ----

def test_an_instance_is_made_told_and_started(company, sim, db):
    row = company.instance()
    (own,) = at_provider(sim, row)
    assert own["status"] == "connected"
    assert "/webhook/uazapi/" in webhook_url(sim, row)
    kept = db.execute("SELECT session_key_sealed AS k FROM instances WHERE id = %s",
                      (row["id"],)).fetchone()["k"]
    assert kept is not None and own["token"].encode() not in bytes(kept)


def test_a_text_goes_from_rest_to_read(company, sim):
    row = company.instance()
    hook = endpoint(company, row, sim)
    sent = company.send(row, to="5511988887777", content="Hello #1", reference="order-7")
    told = company.wait_status(sent["id"], "read")
    assert told["sent_at"] and told["delivered_at"] and told["read_at"] and told["external_id"]
    received = sim.messages(row["external_instance_id"], provider=SCOPE)
    assert [m["text"] for m in received] == ["Hello #1"]
    wanted = {"on-message-sent", "on-message-delivered", "on-message-read"}
    wait_until(lambda: {e["event"] for e in events(sim, hook) if e.get("id") == sent["id"]} >= wanted,
               "three events")


def test_an_inbound_text_becomes_one_message_and_one_event(company, sim, db):
    row = company.instance()
    hook = endpoint(company, row, sim)
    sim.inbound(row["external_instance_id"], "5511977776666", provider=SCOPE, text="Is it open?")
    heard = wait_until(lambda: [e for e in events(sim, hook) if e["event"] == "on-message"],
                       "on-message")
    assert len(heard) == 1 and heard[0]["content"] == "Is it open?"
    rows = company.api.get(f"/api/messages?instance_id={row['id']}&direction=inbound")
    assert [r["content"] for r in rows] == ["Is it open?"]
    bodies = db.execute("SELECT body FROM inbound_events WHERE instance_id = %s",
                        (row["id"],)).fetchall()
    token = session_key(sim, row).encode()
    assert bodies and all(token not in bytes(b["body"]) for b in bodies)


def test_a_webhook_is_proved_by_the_key_in_its_body(company, sim):
    row = company.instance()
    url = webhook_url(sim, row)
    genuine = connection_event(row, session_key(sim, row))
    assert post(url, genuine) == 200
    assert post(url, {**genuine, "token": "7d3f0c52-0000-4000-8000-0000000000aa"}) == 401
    assert post(url, {**genuine, "token": ""}) == 401
    assert post(url, {k: v for k, v in genuine.items() if k != "token"}) == 401
    assert post(url.replace("/uazapi/", "/waha/"), genuine) == 404


def test_a_session_made_anew_is_believed_at_once(company, sim, owner):
    """Its first webhook comes while the key of the one before it is still cached."""
    row, other = company.instance(), company.instance()
    url = webhook_url(sim, row)
    old, new = session_key(sim, row), session_key(sim, other)
    assert post(url, connection_event(row, old)) == 200
    owner.execute("UPDATE instances SET session_key_sealed = (SELECT session_key_sealed"
                  " FROM instances WHERE id = %s) WHERE id = %s", (other["id"], row["id"]))
    assert post(url, connection_event(row, new)) == 200
    assert post(url, connection_event(row, old)) == 401


def test_a_key_that_is_not_known_proves_nothing(company, sim, owner):
    row = company.instance()
    url, genuine = webhook_url(sim, row), connection_event(row, session_key(sim, row))
    owner.execute("UPDATE instances SET session_key_sealed = NULL WHERE id = %s", (row["id"],))
    wait_until(lambda: post(url, genuine) == 401, "the key to be forgotten", 6)


# ---- what fails on the way ----

@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "status"])
def test_a_creation_whose_answer_is_lost_makes_one_session(company, sim, db, kind):
    with sim.failing(kind, 503 if kind == "status" else 0, scope=SCOPE):
        row = company.instance(is_connected=False)
        assert row["status"] == "error"
    if kind == "reset_after":
        assert len(at_provider(sim, row)) == 1  # made, and nobody was told its key
    wait_until(lambda: state(company, row)["status"] == "connected", "healthd to finish it", 60)
    assert len(at_provider(sim, row)) == 1
    sent = company.send(row, content="After all")
    company.wait_status(sent["id"], "read")


def test_a_lost_key_is_found_again(company, sim, owner):
    row = company.instance()
    owner.execute("UPDATE instances SET session_key_sealed = NULL WHERE id = %s", (row["id"],))
    api = company.api.with_token(row["token"])
    assert api.request("GET", "/instance/status").status == 409
    wait_until(lambda: state(company, row)["status"] == "connected", "healthd to find the key", 60)
    assert len(at_provider(sim, row)) == 1
    assert api.get("/instance/status")["status"]["connected"]


def test_a_session_that_the_provider_lost_is_made_again(company, sim):
    row = company.instance()
    assert call(sim, "DELETE", "/instance", token=session_key(sim, row))[0] == 200
    api = company.api.with_token(row["token"])
    assert api.request("GET", "/instance/status").status == 409
    wait_until(lambda: state(company, row)["status"] in ("connecting", "qr", "connected"),
               "healthd to make it again", 60)
    assert len(at_provider(sim, row)) == 1


def test_a_state_that_came_late_is_put_right(company, sim, env):
    """Connection events carry no time: the last to come may be an old one (section 10.1)."""
    row = company.instance()
    late = connection_event(row, session_key(sim, row))
    late["instance"]["status"] = "connecting"
    with paused(env, "healthd"):
        assert post(webhook_url(sim, row), late) == 200
        wait_until(lambda: state(company, row)["status"] == "connecting", "the late event")
    wait_until(lambda: state(company, row)["status"] == "connected", "healthd to ask", 30)


# ---- a connection that is lost ----

def mending(db, row):
    return db.execute("SELECT mend_tries AS n, extract(epoch FROM mend_at - now()) AS wait_s,"
                      " may_reconnect FROM instances WHERE id = %s", (row["id"],)).fetchone()


def lose(company, sim, row, reason="stream error", **changes):
    sim.session(row["external_instance_id"], provider=SCOPE, status="disconnected", reason=reason,
                **changes)
    wait_until(lambda: state(company, row)["status"] == "disconnected", "the loss to be heard")


def connects(sim, row):
    """How often the provider was asked to connect it."""
    return [c["action"] for c in sim.actions(row["external_instance_id"])].count("instance.connect")


def test_a_lost_connection_is_made_again_with_growing_waits(company, sim, owner, db, env):
    row = company.instance()
    before = connects(sim, row)
    with paused(env, "healthd"):
        lose(company, sim, row, is_broken=True)
        sent = company.send(row, content="After the loss")
    wait_until(lambda: connects(sim, row) == before + 1, "the first connect", 20)
    wait_until(lambda: state(company, row)["status_reason"] == "connection failure", "its failure")
    first = mending(db, row)
    assert first["n"] == 1 and 0 < first["wait_s"] <= 15
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (row["id"],))
    wait_until(lambda: connects(sim, row) == before + 2, "the second connect", 20)
    assert 15 < mending(db, row)["wait_s"] <= 30
    wait_until(lambda: at_provider(sim, row)[0]["status"] == "disconnected", "its end over there")
    sim.session(row["external_instance_id"], provider=SCOPE, is_broken=False)
    wait_until(lambda: state(company, row)["status"] == "disconnected", "its failure")
    owner.execute("UPDATE instances SET mend_at = now() WHERE id = %s", (row["id"],))
    wait_until(lambda: state(company, row)["status"] == "connected", "the third connect", 20)
    assert mending(db, row)["n"] == 0
    company.wait_status(sent["id"], "read", timeout=20)


@pytest.mark.parametrize("end", ["logged_out", "event_lost", "disconnect", "never_paired"])
def test_what_needs_a_person_is_left_down(company, sim, owner, db, env, end):
    """A connect would show a QR code to nobody, or take back what a person did."""
    row = company.instance()
    if end == "disconnect":
        company.api.with_token(row["token"]).post("/instance/disconnect", {})
    elif end == "never_paired":
        sim.session(row["external_instance_id"], provider=SCOPE, is_paired=False)
        company.api.with_token(row["token"]).post("/instance/connect", {})
        lose(company, sim, row, reason="QR code timeout")
    elif end == "logged_out":
        lose(company, sim, row, reason="401: logged out from another device")
    else:
        with paused(env, "healthd"):
            lose(company, sim, row)
            # The provider knows better than the last event that came.
            sim.session(row["external_instance_id"], provider=SCOPE, is_paired=False)
            wait_until(lambda: not mending(db, row)["may_reconnect"], "the log-out to be heard")
            owner.execute("UPDATE instances SET may_reconnect = true, mend_at = now()"
                          " WHERE id = %s", (row["id"],))
    before = connects(sim, row)
    wait_until(lambda: not mending(db, row)["may_reconnect"], "healthd to let it be", 20)
    # Two rounds of healthd, as another instance shows that is mended meanwhile.
    for _ in range(2):
        other = company.instance()
        lose(company, sim, other)
        wait_until(lambda: state(company, other)["status"] == "connected", "the other", 20)
    assert connects(sim, row) == before and state(company, row)["status"] == "disconnected"


# ---- steering ----

def test_disconnect_drops_the_pairing(company, sim):
    row = company.instance()
    api = company.api.with_token(row["token"])
    assert api.post("/instance/disconnect", {})["status"] == "stopped"
    (own,) = at_provider(sim, row)
    assert own["status"] == "disconnected" and state(company, row)["status"] == "disconnected"


def test_what_the_provider_has_no_call_for_is_named(company):
    row = company.instance()
    api = company.api.with_token(row["token"])
    reply = api.request("PUT", "/instance/presence", {"status": "available", "message": "About"})
    assert reply.status == 501 and reply.body["code"] == "not_supported"
    assert "uazapi" in reply.body["message"]


def test_privacy(company, sim):
    """Our words and the provider's (section 16.5), a part at a time."""
    row = company.instance()
    api = company.api.with_token(row["token"])
    everybody = dict.fromkeys(["readreceipts", "groups", "calladd", "last", "status", "profile"],
                              "all")
    assert api.get("/instance/privacy") == everybody
    asked = {"groups": "contact_blacklist", "calladd": "contacts", "last": "none"}
    assert api.put("/instance/privacy", asked) == everybody | asked
    assert api.get("/instance/privacy") == everybody | asked
    status, told = call(sim, "GET", "/instance/privacy", token=session_key(sim, row))
    assert status == 200 and (told["groupadd"], told["calladd"]) == ("contact_blacklist", "known")
    # Receipts are for all or for none there: nothing is asked of the provider.
    assert api.request("PUT", "/instance/privacy", {"readreceipts": "contacts"}).status >= 400
    assert api.get("/instance/privacy") == everybody | asked
    sim.session(row["external_instance_id"], provider=SCOPE, status="disconnected")
    assert api.request("GET", "/instance/privacy").body["code"] == "instance_not_connected"


@pytest.mark.parametrize("is_key_lost", [False, True])
def test_deletion_ends_the_session(company, sim, owner, is_key_lost):
    row = company.instance()
    if is_key_lost:
        owner.execute("UPDATE instances SET session_key_sealed = NULL WHERE id = %s", (row["id"],))
    company.api.delete(f"/api/instances/{row['id']}")
    assert at_provider(sim, row) == []


def test_a_refused_key_does_not_end_a_session(company, sim, owner):
    """The server's own list says whether it is gone."""
    other, row = company.instance(), company.instance()
    assert call(sim, "DELETE", "/instance", token=session_key(sim, other))[0] == 200
    owner.execute("UPDATE instances SET session_key_sealed = (SELECT session_key_sealed"
                  " FROM instances WHERE id = %s) WHERE id = %s", (other["id"], row["id"]))
    for r in (row, other):
        reply = company.api.request("DELETE", f"/api/instances/{r['id']}")
        assert reply.status == 200 and reply.body["message"] == "Instance deleted"
        assert at_provider(sim, r) == []


@pytest.mark.parametrize("path", ["/waha", "/nowhere"])
def test_a_session_behind_a_wrong_address_is_not_called_gone(admin, env, sim, owner, path):
    """The instance is deleted all the same, and its answer says what is left."""
    server = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10})
    tenant = Company(admin, server)
    row = tenant.instance()
    owner.execute("UPDATE providers SET base_url = %s WHERE id = %s",
                  (f"{env['GROWHUB_SIM_URL']}{path}", server["id"]))
    reply = tenant.api.request("DELETE", f"/api/instances/{row['id']}")
    assert reply.status == 200 and "did not confirm" in reply.body["message"]
    assert tenant.api.request("GET", f"/api/instances/{row['id']}").status == 404
    assert len(at_provider(sim, row)) == 1
    assert call(sim, "DELETE", "/instance", token=session_key(sim, row))[0] == 200
    tenant.close()


class Busy(http.server.BaseHTTPRequestHandler):
    """A server that has no time now, and says until when."""
    status, wish = 429, "17"

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Retry-After", self.wish)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("status, wish, told", [(429, "17", 17), (503, "40", 40),
                                                (429, "soon", 30), (429, "999999", 3600)])
def test_a_provider_says_when_to_come_again(admin, env, owner, status, wish, told):
    server = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10})
    tenant = Company(admin, server)
    row = tenant.instance()
    handler = type("Handler", (Busy,), {"status": status, "wish": wish})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as busy:
        threading.Thread(target=busy.serve_forever, daemon=True).start()
        owner.execute("UPDATE providers SET base_url = %s WHERE id = %s",
                      (f"http://127.0.0.1:{busy.server_port}", server["id"]))
        reply = tenant.api.with_token(row["token"]).request("GET", "/instance/status")
        busy.shutdown()
    assert (reply.status, reply.body["code"]) == (502, "provider_error")
    assert int(reply.headers["Retry-After"]) == told
    tenant.close()


def unpaired(company, sim):
    """An instance whose number was logged out on the phone; its API and session's name."""
    row = company.instance()
    name = row["external_instance_id"]
    sim.session(name, provider=SCOPE, is_paired=False)
    wait_until(lambda: state(company, row)["status"] == "disconnected", "the log-out to be heard")
    return row, company.api.with_token(row["token"]), name


def test_a_person_pairs_by_qr_code(company, sim):
    row, api, name = unpaired(company, sim)
    shown = api.post("/instance/connect", {})
    assert shown["status"] == "scan_qr_code" and shown["qrcode"].startswith("data:image/png;base64,")
    assert api.get("/instance/qrcode")["qrcode"].startswith("data:image/png;base64,")
    reply = company.api.request("GET", f"/api/instances/{row['id']}/qrcode?format=raw")
    assert reply.status == 501 and "uazapi" in reply.body["message"]
    sim.session(name, provider=SCOPE, is_paired=True)
    wait_until(lambda: state(company, row)["status"] == "connected", "the pairing to be heard")


@pytest.mark.parametrize("shows_qr", [False, True])
def test_a_person_pairs_by_code(company, sim, shows_qr):
    """A pairing code is given only from rest: a QR code that is shown is taken down for it."""
    row, api, name = unpaired(company, sim)
    if shows_qr:
        assert api.post("/instance/connect", {})["status"] == "scan_qr_code"
    shown = api.post("/instance/connect", {"phone": "5511900000001"})
    assert shown["status"] == "scan_qr_code" and len(shown["paircode"]) == 9
    sim.session(name, provider=SCOPE, is_paired=True)
    wait_until(lambda: state(company, row)["status"] == "connected", "the pairing to be heard")


def test_sessions_of_the_provider(company, sim, admin, uazapi):
    """Ours and others': the token of one that is not ours is looked for first."""
    row = company.instance()
    name = unique("foreign")
    assert call(sim, "POST", "/instance/create", {"name": name}, admintoken="sim")[0] == 200
    path = f"/api/admin/instances/{uazapi['id']}"
    listed = [s for s in admin.get("/api/admin/instances") if s["provider_id"] == uazapi["id"]]
    assert {row["external_instance_id"], name} <= {s["external_instance_id"] for s in listed}
    assert all("token" not in s["data"] for s in listed)
    assert admin.post(f"{path}/{name}/disconnect", {})["status"] == "stopped"
    assert admin.request("DELETE", f"{path}/{name}").status == 200
    assert admin.request("DELETE", f"{path}/{name}").status == 404
    assert at_provider(sim, {"external_instance_id": name}) == []
    assert admin.delete(f"{path}/{row['external_instance_id']}")["id"] == row["id"]
    assert at_provider(sim, row) == []
