"""The main job end to end: REST -> outbox -> broker -> provider -> webhooks -> company."""

import hmac
import json
import os
import subprocess
import urllib.parse
import urllib.request

from support import unique, wait_until

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def ctl(env, *arguments):
    """Run growhubctl of the profile under test; returns (exit code, output)."""
    folder = os.environ.get("GROWHUB_BIN") or os.path.join(
        REPO, "build", os.environ.get("GROWHUB_PROFILE", "release"), "bin")
    done = subprocess.run([os.path.join(folder, "growhubctl"), "-c", env["GROWHUB_CONF"], *arguments],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


def endpoint(company, instance, sim, **fields):
    """A hook of the simulator as endpoint; returns its name."""
    hook = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                           {"url": sim.hook_url(hook), "events": ["*"], **fields})
    sim.set_hook(hook, secret=row["secret"])
    return hook


def events(sim, hook):
    return [e["body"] for e in sim.received(hook)]


def test_a_text_goes_from_rest_to_read(company, instance, sim, db):
    sent = company.send(instance, to="5511988887777", content="Hello #1", reference="order-7")
    assert sent["status"] == "queued" and sent["reference"] == "order-7"
    row = company.wait_status(sent["id"], "read")
    assert row["sent_at"] and row["delivered_at"] and row["read_at"] and row["external_id"]
    received = sim.messages(instance["external_instance_id"])
    assert [m["text"] for m in received] == ["Hello #1"]
    states = [t["status"] for t in company.message(sent["id"], timeline=True)["timeline"]]
    assert states == ["queued", "processing", "sent", "delivered", "read"]
    assert db.execute("SELECT count(*) AS n FROM send_queue WHERE message_id = %s",
                      (sent["id"],)).fetchone()["n"] == 0


def test_the_company_hears_of_each_step_signed(company, instance, sim):
    hook = endpoint(company, instance, sim)
    sent = company.send(instance, content="Hear me #1", reference="r-1")
    wanted = {"on-message-sent", "on-message-delivered", "on-message-read"}
    heard = wait_until(
        lambda: (got := [e for e in events(sim, hook) if e.get("id") == sent["id"]])
        and {e["event"] for e in got} >= wanted and got, "three events")
    assert all(e["reference"] == "r-1" and e["instance_id"] == instance["id"] for e in heard)
    stats = sim.stats()["hooks"][hook]
    assert stats["bad_signatures"] == 0 and stats["unsigned"] == 0
    assert stats["posts"] == stats["distinct"]
    ids = [e["headers"]["webhook-id"] for e in sim.received(hook)]
    assert all(i.startswith("evt_") for i in ids) and len(set(ids)) == len(ids)


def test_the_standard_format(company, instance, sim):
    hook = endpoint(company, instance, sim, format="standard", events=["message.sent"])
    sent = company.send(instance, content="Standard")
    heard = wait_until(lambda: events(sim, hook), "message.sent")
    assert [e["type"] for e in heard] == ["message.sent"]
    assert heard[0]["data"]["id"] == sent["id"] and heard[0]["data"]["company_id"] == company.id


def test_an_inbound_text_becomes_one_message_and_one_event(company, instance, sim):
    hook = endpoint(company, instance, sim)
    sim.inbound(instance["external_instance_id"], "5511977776666", text="Is it open today?")
    heard = wait_until(lambda: [e for e in events(sim, hook) if e["event"] == "on-message"],
                       "on-message")
    assert len(heard) == 1 and heard[0]["content"] == "Is it open today?"
    rows = company.api.get(f"/api/messages?instance_id={instance['id']}&direction=inbound")
    assert [r["content"] for r in rows] == ["Is it open today?"]
    assert rows[0]["id"] == heard[0]["id"] and rows[0]["status"] == "received"


def test_order_within_a_chat(company, instance, sim):
    last = [company.send(instance, to="5511966665555", content=f"Line #{n}") for n in range(1, 31)][-1]
    company.wait_status(last["id"], "sent", "delivered", "read", timeout=30)
    texts = [m["text"] for m in sim.messages(instance["external_instance_id"])]
    assert texts == [f"Line #{n}" for n in range(1, 31)]
    stats = sim.stats()["providers"]["waha"][instance["external_instance_id"]]
    assert stats["duplicates"] == 0 and stats["order_violations"] == 0


def test_a_message_waits_for_its_instance_to_connect(company, sim):
    waiting = company.instance(is_connected=False)
    sent = company.send(waiting, content="Early")
    company.wait_status(sent["id"], "read", timeout=20)
    assert len(sim.messages(waiting["external_instance_id"])) == 1


def test_nothing_is_stranded_and_the_ledger_balances(company, instance, db):
    ids = [company.send(instance, to=f"55119555544{n:02}", content=f"L #{n}")["id"] for n in range(20)]
    for message_id in ids:
        company.wait_status(message_id, "read", timeout=30)
    assert db.execute("SELECT * FROM growhub_stranded").fetchall() == []
    ledger = db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s", (company.id,)).fetchone()
    assert ledger["accepted"] == ledger["sent"] == 20
    assert ledger["failed"] == ledger["cancelled"] == ledger["pending"] == 0


def test_growhubctl_traces_a_message(company, instance, env):
    sent = company.send(instance, to="5511944443333", content="Trace me")
    company.wait_status(sent["id"], "read")
    code, output = ctl(env, "message", "trace", sent["id"])
    assert code == 0
    for word in ("queued", "processing", "sent", "delivered", "read"):
        assert word in output
    assert "5511944443333" not in output and "Trace me" not in output
    code, output = ctl(env, "message", "trace", "--json", sent["id"])
    assert code == 0 and json.loads(output)["id"] == sent["id"]
    code, _ = ctl(env, "message", "trace", "01a1f919-cde1-7000-8000-000000000001")
    assert code == 1


def test_a_refused_message_fails_with_the_reason_and_blocks_no_chat(company, instance, sim, db):
    sim.fault("waha", "status", value=400, rate=1, for_ms=60000)
    try:
        sent = company.send(instance, to="5511933332222", content="Refused #1")
        row = company.wait_status(sent["id"], "failed")
    finally:
        sim.fault("waha", "status", value=400, rate=0, for_ms=1)
    assert row["error_code"] and row["error_message"]
    assert db.execute("SELECT reason FROM dead_letters WHERE message_id = %s",
                      (sent["id"],)).fetchone()["reason"] == row["error_code"]
    after = company.send(instance, to="5511933332222", content="Fine #2")
    company.wait_status(after["id"], "read", timeout=20)


def webhook_of(env, instance):
    """(path at the gateway, signing key) that we gave the provider for this instance."""
    request = urllib.request.Request(
        f"{env['GROWHUB_SIM_URL']}/waha/api/sessions/{instance['external_instance_id']}",
        headers={"X-Api-Key": "sim"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        hook = json.load(answer)["config"]["webhooks"][0]
    return urllib.parse.urlsplit(hook["url"]).path, hook["hmac"]["key"]


def test_a_strange_webhook_body_is_kept_and_marked(company, instance, env, db, api, sim):
    path, key = webhook_of(env, instance)
    body = b"[\"not what we expect\"]"
    signature = hmac.new(key.encode(), body, "sha512").hexdigest()
    reply = api.request("POST", path, body, headers={"X-Webhook-Hmac": signature})
    assert reply.status == 200 and reply.body["data"] == {"received": True}
    row = wait_until(lambda: db.execute(
        "SELECT state, error, body FROM inbound_events WHERE instance_id = %s AND state <> 0",
        (instance["id"],)).fetchone(), "the body to be marked")
    assert row["state"] == 2 and row["error"] and row["body"] == body
    assert api.request("POST", path, body, headers={"X-Webhook-Hmac": "00" * 64}).status == 401
    sent = company.send(instance, content="Still alive")
    company.wait_status(sent["id"], "read")
