"""Messages the provider took and of which nothing is heard: flagged once, until a receipt comes;
and numbers that stay connected while their webhooks do not arrive."""

import json
import os
import signal
import subprocess
import urllib.request

import pytest

from ear import Ear
from life import free_ports, program
from support import paused, unique, wait_until


@pytest.fixture
def quick_healthd(env, tmp_path):
    """A healthd that calls a message stalled after a second, while the stack's stands aside."""
    stack = os.path.dirname(os.path.dirname(env["GROWHUB_CONF"]))
    with open(env["GROWHUB_CONF"], encoding="utf-8") as f:
        conf = f.read().replace("sending: {", 'sending: { stalled_after = "1s";')
    path = tmp_path / "healthd.conf"
    path.write_text(conf + f'healthd: {{ admin_listen = "127.0.0.1:{free_ports(1)[0]}";'
                    f' public_url = "{env["GROWHUB_URL"]}"; check_interval = "2s"; }};\n')
    path.chmod(0o600)
    words = [os.path.join(os.path.dirname(__file__), "..", "stack", "stack")]
    subprocess.run(words + ["kill", stack, "healthd-1", "TERM"], check=True)
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([program("growhub-healthd"), "-c", str(path)], stdout=log,
                                   stderr=log, stdin=subprocess.DEVNULL)
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, (tmp_path / "log").read_text()
    subprocess.run(words + ["restart", stack, "healthd-1"], check=True)


def test_a_message_without_receipts_is_stalled_until_one_comes(
        quick_healthd, company, instance, sim, env, db):
    hook = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                           {"url": sim.hook_url(hook), "events": ["on-message-stalled"]})
    sim.set_hook(hook, secret=row["secret"])
    with paused(env, "eventd"):
        sent = company.send(instance, content="Silence #1")

        def is_stalled():
            return db.execute("SELECT is_stalled FROM messages WHERE id = %s",
                              (sent["id"],)).fetchone()["is_stalled"]
        wait_until(is_stalled, "the flag", timeout=40)
        assert company.message(sent["id"])["status"] == "sent"
    company.wait_status(sent["id"], "read")
    assert not is_stalled()
    wait_until(lambda: sim.received(hook), "on-message-stalled")
    posts = [e["body"] for e in sim.received(hook)]
    assert [(p["event"], p["id"]) for p in posts] == [("on-message-stalled", sent["id"])]
    marks = [t.get("reason") for t in company.message(sent["id"], timeline=True)["timeline"]]
    assert marks.count("stalled") == 1


def provider_config(sim, session, config=None):
    """The session's configuration at its provider; set where one is given."""
    body = None if config is None else json.dumps({"config": config}).encode()
    request = urllib.request.Request(
        f"{sim.url}/waha/api/sessions/{session}", data=body, method="GET" if body is None else "PUT",
        headers={"X-Api-Key": "sim", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["config"]


def states(ear):
    return [e["data"]["state"] for e in ear.heard("standard", "instance.inbound_stalled")]


def test_a_number_whose_webhooks_stop_is_told_and_mended(
        quick_healthd, company, instance, sim, db):
    """PAINS 1: connected for its provider, sending, and silent."""
    ear = Ear(company, instance, sim)
    talking = company.instance()
    other = Ear(company, talking, sim)
    config = provider_config(sim, ear.session)
    provider_config(sim, ear.session, {**config, "webhooks": []})
    wait_until(lambda: sim.session(ear.session)["status"] == "WORKING", "the session to be back")
    path = f"/api/instances/{instance['id']}"
    sent = []

    def told():
        # What was heard less than a call's time before a send may be its echo: send until then.
        sent.append(company.send(instance, content=f"Silence #{len(sent)}")["id"])
        company.wait_status(sent[-1], "sent")
        return states(ear)
    company.wait_status(company.send(talking)["id"], "read")
    wait_until(told, "instance.inbound_stalled", timeout=60)
    assert states(ear)[0] == "stalled" and company.api.get(path)["status"] == "connected"
    data = ear.heard("standard", "instance.inbound_stalled")[0]["data"]
    assert data["instance_id"] == instance["id"] and data["session"] == ear.session
    assert data["status"] == "connected" and "no webhook" in data["reason"]

    # healthd gives the provider its webhook back; the next one ends it.
    wait_until(lambda: provider_config(sim, ear.session)["webhooks"], "the webhook", timeout=20)
    wait_until(lambda: states(ear) == ["stalled", "heard_again"], "the end of it", timeout=40)
    assert db.execute("SELECT silent_since FROM instances WHERE id = %s",
                      (instance["id"],)).fetchone()["silent_since"] is None
    company.wait_status(company.send(instance, content="Heard")["id"], "read", timeout=20)
    assert states(ear) == ["stalled", "heard_again"] and states(other) == []
    assert [e for e in ear.sim.received(ear.hooks["growhub"])
            if "stalled" in e["body"]["event"] and "inbound" in e["body"]["event"]] == []
