"""PAINS 26: a number that WhatsApp lets open no conversation (463) opens none, by itself and
visibly, while the chats it has go on. The simulator refuses as each provider does."""

import datetime
import itertools
import os

import pytest

from life import Daemon, free_ports, write_private
from support import wait_until
from test_breaker import metric
from test_main_path import endpoint, events

KNOWN, FIRST, SECOND = "5511988880001", "5511988880002", "5511988880003"
HOUR = datetime.timedelta(hours=1)


class Beside:
    """A place for a sender beside the stack's, on the stack's database."""

    def __init__(self, directory, env):
        self.dir, self.ports = str(directory), {"senderd": free_ports(1)[0]}
        self.conf = write_private(self.dir, "senderd.conf", f"""\
@include "{env['GROWHUB_CONF']}"
senderd: {{ admin_listen = "127.0.0.1:{self.ports['senderd']}"; }};
""")

    @staticmethod
    def env(**more):
        return {**os.environ, **more}


class Locked:
    """An instance that has spoken with KNOWN, and that may speak with nobody else from now on."""

    def __init__(self, company, sim, db, at):
        self.company, self.sim, self.db, self.at = company, sim, db, at
        self.row = company.instance()
        self.session = self.row["external_instance_id"]
        self.hook = endpoint(company, self.row, sim, events=["on-instance-error"])
        company.wait_status(self.send(KNOWN), "sent", "delivered", "read")

    def lock(self, ms):
        self.sim.session(self.session, self.at, locked_ms=ms)

    def send(self, to, **fields):
        return self.company.send(self.row, to=to, **fields)["id"]

    def reached(self):
        """To whom the provider sent, in order."""
        return [m["chat"].partition("@")[0] for m in self.sim.messages(self.session, self.at)]

    def requests(self):
        """Send calls that reached the provider, whatever became of them."""
        return self.sim.stats()["providers"][self.at][self.session]["requests"]

    def waits(self, message_id, reason, tries=None):
        """Wait until the message waits for that reason, at its first try or that many."""
        tries = int(reason == "first_contact_refused") if tries is None else tries
        wait_until(lambda: self.db.execute(
            "SELECT FROM send_queue WHERE message_id = %s AND state = 2 AND reason = %s"
            " AND tries = %s AND available_at > now()",
            (message_id, reason, tries)).fetchone() is not None,
            f"message {message_id} to wait: {reason}")

    def until(self):
        """The instance's new_chats_paused_until."""
        told = self.company.api.get(f"/api/instances/{self.row['id']}")["new_chats_paused_until"]
        return told and datetime.datetime.fromisoformat(told.replace("Z", "+00:00"))

    def resume(self):
        return self.company.api.post(f"/api/instances/{self.row['id']}/resume-new-chats", None)

    def errors(self):
        return events(self.sim, self.hook)


@pytest.fixture(params=["waha", "uazapi"])
def locked(request, new_company, sim, db):
    return Locked(new_company(at=request.param), sim, db, request.param)


@pytest.fixture
def uazapi(new_company, sim, db):
    """The provider that tells until when."""
    return Locked(new_company(at="uazapi"), sim, db, "uazapi")


def test_the_first_refusal_stops_all_new_chats(locked, env):
    paused_before = metric(env, "senderd", "growhub_send_new_chats_total", result="paused")
    locked.lock(3600_000)
    first = locked.send(FIRST)
    locked.waits(first, "first_contact_refused")
    now = datetime.datetime.now(datetime.timezone.utc)
    hours = {"waha": 6, "uazapi": 1}[locked.at]  # untold: sending.new_chats_pause
    assert abs(wait_until(locked.until, "a pause") - now - hours * HOUR) < HOUR / 30
    before = locked.requests()
    second, third = locked.send(SECOND), locked.send(SECOND)
    locked.waits(second, "waiting_new_chats")
    known = [locked.send(KNOWN) for _ in range(3)]
    for message_id in known:
        locked.company.wait_status(message_id, "sent", "delivered", "read")
    assert locked.requests() == before + len(known), "nobody asked the provider for a new chat"
    assert locked.reached() == [KNOWN] * 4
    heard = wait_until(locked.errors, "instance.error")
    assert [(e["reason"], e["state"], e["status"]) for e in heard] == [
        ("new_chats_paused", "first_contact_refused", "connected")]
    told = datetime.datetime.fromisoformat(heard[0]["new_chats_paused_until"].replace("Z", "+00:00"))
    assert abs(told - locked.until()) < HOUR / 3600
    assert metric(env, "senderd", "growhub_send_new_chats_total",
                  result="paused") == paused_before + 1

    locked.lock(0)
    assert locked.resume()["new_chats_paused_until"] is None
    for message_id in (first, second, third):
        locked.company.wait_status(message_id, "sent", "delivered", "read")
    assert sorted(locked.reached()[4:]) == [FIRST, SECOND, SECOND]
    assert locked.until() is None and len(locked.errors()) == 1


def test_a_pause_ends_by_itself(uazapi):
    uazapi.lock(4000)
    first, second = uazapi.send(FIRST), None
    uazapi.waits(first, "first_contact_refused")
    second = uazapi.send(SECOND)
    uazapi.waits(second, "waiting_new_chats")
    for message_id in (first, second):
        uazapi.company.wait_status(message_id, "sent", "delivered", "read", timeout=20)
    assert uazapi.reached() == [KNOWN, FIRST, SECOND], "the refused one is the one that tries"
    assert uazapi.until() is None


def test_every_sender_keeps_the_pause_over_restarts(uazapi, env, tmp_path):
    numbers = (f"55119888{n:05d}" for n in itertools.count(10))
    uazapi.lock(3600_000)
    sent = [uazapi.send(FIRST)]
    uazapi.waits(sent[0], "first_contact_refused")
    before = uazapi.requests()
    place = Beside(tmp_path, env)
    for _ in range(2):
        sender = Daemon(place, "senderd", place.conf, {})
        sender.wait_ready()

        def has_held_one():
            sent.append(uazapi.send(next(numbers)))
            uazapi.waits(sent[-1], "waiting_new_chats")
            return [line for line in sender.log("send.parked") if "waiting_new_chats" in line]

        try:
            wait_until(has_held_one, "the other sender to hold a message")
        finally:
            assert sender.end() == 0, sender.log()[-600:]
    assert uazapi.requests() == before
    uazapi.lock(0)
    uazapi.resume()
    for message_id in sent:
        uazapi.company.wait_status(message_id, "sent", "delivered", "read")


def test_three_refusals_by_policy_pause_too(uazapi, sim, db):
    def refused(count):
        row = uazapi.company.wait_status(uazapi.send(f"55119888{count:05d}"), "failed")
        assert row["error_code"] == "whatsapp_policy"
        wait_until(lambda: db.execute("SELECT new_chats_refusals AS n FROM instances WHERE id = %s",
                                      (uazapi.row["id"],)).fetchone()["n"] == count,
                   "the refusal to count")

    sim.session(uazapi.session, "uazapi", refuse_code=471)
    refused(1)
    refused(2)
    assert uazapi.until() is None and uazapi.errors() == []
    refused(3)
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(uazapi.until() - now - HOUR) < HOUR / 30
    assert wait_until(uazapi.errors, "instance.error")[0]["state"] == "whatsapp_policy"
    sim.session(uazapi.session, "uazapi", refuse_code=0)
    uazapi.waits(uazapi.send(SECOND), "waiting_new_chats")
    uazapi.company.wait_status(uazapi.send(KNOWN), "sent", "delivered", "read")


def test_refused_again_after_the_lift(uazapi):
    """The pause begins anew, with an event of its own; the last try fails the message."""
    uazapi.lock(3600_000)
    message_id = uazapi.send(FIRST)
    for tried in range(1, 4):
        uazapi.waits(message_id, "first_contact_refused", tried)
        wait_until(lambda n=tried: len(uazapi.errors()) == n, "an event for each pause")
        assert uazapi.until()
        uazapi.resume()
    row = uazapi.company.wait_status(message_id, "failed")
    assert row["error_code"] == "first_contact_refused"
    assert wait_until(uazapi.until, "the pause of the last try")


def test_a_full_quota_lasts_until_its_cycle_ends(uazapi, sim):
    sim.session(uazapi.session, "uazapi", quota=1)
    uazapi.company.wait_status(uazapi.send(FIRST), "sent", "delivered", "read")
    uazapi.waits(uazapi.send(SECOND), "first_contact_refused")
    assert wait_until(uazapi.until, "a pause") > datetime.datetime.now(datetime.timezone.utc)
    uazapi.company.wait_status(uazapi.send(FIRST), "sent", "delivered", "read")


def test_who_wrote_to_us_is_no_new_chat(uazapi, sim):
    uazapi.lock(3600_000)
    uazapi.waits(uazapi.send(FIRST), "first_contact_refused")
    sim.inbound(uazapi.session, SECOND, provider="uazapi", text="Are you open?")
    wait_until(lambda: uazapi.company.api.get(
        f"/api/messages?instance_id={uazapi.row['id']}&direction=inbound"), "their message")
    uazapi.company.wait_status(uazapi.send(SECOND), "sent", "delivered", "read")
    group = "120363000000000077"
    uazapi.company.wait_status(uazapi.send(f"{group}@g.us"), "sent", "delivered", "read")
    assert uazapi.reached() == [KNOWN, SECOND, group]


def test_another_instance_of_the_company_goes_on(locked):
    """Neither its pause nor whom it knows is another's."""
    locked.lock(3600_000)
    other = locked.company.instance()
    locked.waits(locked.send(FIRST), "first_contact_refused")
    sent = locked.company.send(other, to=FIRST)
    locked.company.wait_status(sent["id"], "sent", "delivered", "read")
    locked.waits(locked.send(SECOND), "waiting_new_chats")
    # spoken with by the other number, not by this one
    late = locked.send(FIRST)
    assert locked.company.message(late)["status"] == "queued"
    assert FIRST not in locked.reached()


def test_what_waits_too_long_expires(locked):
    locked.lock(3600_000)
    locked.waits(locked.send(FIRST), "first_contact_refused")
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    message_id = locked.send(SECOND, expires_at=soon.isoformat().replace("+00:00", "Z"))
    locked.waits(message_id, "waiting_new_chats")
    assert locked.company.wait_status(message_id, "failed", timeout=20)["error_code"] == "expired"


def test_lifting_nothing_changes_nothing(company, instance, new_company):
    path = f"/api/instances/{instance['id']}/resume-new-chats"
    assert company.api.post(path, None)["new_chats_paused_until"] is None
    with pytest.raises(Exception, match="404"):
        new_company().api.post(path, None)
