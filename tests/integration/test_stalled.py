"""Messages the provider took and of which nothing is heard: flagged once, until a receipt comes."""

import os
import signal
import subprocess

import pytest

from life import free_ports, program
from support import paused, unique, wait_until


@pytest.fixture
def quick_healthd(env, tmp_path):
    """A healthd that calls a message stalled after a second, while the stack's stands aside."""
    stack = os.path.dirname(os.path.dirname(env["GROWHUB_CONF"]))
    with open(env["GROWHUB_CONF"], encoding="utf-8") as f:
        conf = f.read().replace("sending: {", 'sending: { stalled_after = "1s";')
    path = tmp_path / "healthd.conf"
    path.write_text(conf + f'healthd: {{ admin_listen = "127.0.0.1:{free_ports(1)[0]}"; }};\n')
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
