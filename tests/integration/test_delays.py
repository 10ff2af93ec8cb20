"""The delay of a send: typing is shown, nothing sleeps, the chat keeps its order."""

import pytest

from support import unique, wait_until
from test_actions import actions_of

PHONE = "5511999990001"


@pytest.fixture
def own(company, instance):
    return company.api.with_token(instance["token"])


def signs(sim, instance):
    return [(a.body["presence"], a.body["chatId"]) for a in
            actions_of(sim, instance["external_instance_id"], "presence")]


def sent(api, path="/send/text", wait=0, **body):
    return api.request("POST", path, {"number": PHONE, **body},
                       {"Prefer": f"wait={wait}"}).body["data"]["id"]


def test_typing_is_shown_until_the_send(company, instance, sim, own, db):
    slow = sent(own, text="Slow", delay=2500)
    behind = sent(own, text="Behind")
    row = wait_until(lambda: (r := company.message(slow))["error_code"] and r, "the delay")
    assert (row["status"], row["error_code"], row["attempts"]) == ("queued", "waiting_delay", 0)
    other = sent(own, number="5511999990002", text="Other", wait=20)
    assert company.message(other)["status"] in ("sent", "delivered", "read")
    assert company.message(slow)["status"] == "queued" == company.message(behind)["status"]
    assert signs(sim, instance) == [("typing", f"{PHONE}@c.us")]
    assert company.wait_status(slow, "read")["attempts"] == 1
    company.wait_status(behind, "read")
    assert [m["text"] for m in sim.messages(instance["external_instance_id"])] == [
        "Other", "Slow", "Behind"]
    assert [s for s, _ in signs(sim, instance)] == ["typing", "paused"]
    took = db.execute("SELECT extract(epoch FROM sent_at) - ('x' || left(replace(id::text, '-', ''),"
                      " 12))::bit(48)::int8 / 1000.0 AS took FROM messages WHERE id = %s",
                      (slow,)).fetchone()["took"]
    assert 2.5 <= took < 4


def test_a_voice_note_is_being_recorded(company, instance, sim, own, env):
    message = sent(own, "/send/media", type="ptt", delay=600,
                   file=f"{env['GROWHUB_SIM_URL']}/files/{unique('voice')}?type=audio/ogg")
    company.wait_status(message, "read")
    assert [s for s, _ in signs(sim, instance)] == ["recording", "paused"]


def test_what_waited_longer_anyway_goes_at_once(company, instance, sim, own, owner):
    owner.execute("UPDATE instances SET status = 'connecting', updated_at = now() WHERE id = %s",
                  (instance["id"],))
    message = sent(own, text="Late", delay=1)
    company.wait_status(message, "read", timeout=20)
    reasons = {t.get("reason") for t in company.message(message, timeline=True)["timeline"]}
    assert "waiting_delay" not in reasons and [s for s, _ in signs(sim, instance)] == ["paused"]


def test_a_presence_with_a_delay_is_stopped(instance, sim, own):
    def show(presence, chat=PHONE, **delay):
        own.post("/message/presence", {"number": chat, "presence": presence, **delay})

    show("composing", delay=300)
    wait_until(lambda: len(signs(sim, instance)) == 2, "the sign to be stopped")
    show("composing", delay=300)
    show("recording", delay=400)  # in its place
    show("composing", chat="5511999990002")  # stays
    wait_until(lambda: len(signs(sim, instance)) == 6, "the newer sign to be stopped")
    show("composing", delay=200)
    show("paused", delay=200)
    show("composing", chat="5511999990003", delay=300)
    wait_until(lambda: len(signs(sim, instance)) == 10, "the last sign to be stopped")
    mine = [sign for sign, chat in signs(sim, instance) if chat == f"{PHONE}@c.us"]
    assert mine == ["typing", "paused", "typing", "recording", "paused", "typing", "paused"]
    assert signs(sim, instance)[-1] == ("paused", "5511999990003@c.us")


def test_a_sign_that_fails_holds_nothing_up(company, instance, sim, own):
    sim.fault("waha", "status", value=500, rate=1, for_ms=400)
    message = sent(own, text="Anyway", delay=1200)
    assert company.wait_status(message, "read")["attempts"] == 1
