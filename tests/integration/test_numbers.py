"""Brazil's ninth digit: the provider is asked once which spelling of a number exists. The
simulator answers by area code (tests/sim/waha_action.c)."""

import datetime

import pytest

from support import wait_until
from test_actions import actions_of

DAY = datetime.timedelta(days=1)


def checks(sim, row):
    return len(actions_of(sim, row["external_instance_id"], "check"))


def kept(db, phone):
    return db.execute("SELECT exists_there, chat_id, expires_at - now() AS life "
                      "FROM validated_phone_numbers WHERE phone = %s", (phone,)).fetchone()


@pytest.mark.parametrize("given, real", [
    ("5599988880001", "559988880001"), ("559888880002", "5598988880002"),
    ("5511988880003", "5511988880003")])
def test_sent_to_the_spelling_that_exists(company, instance, sim, db, given, real):
    sent = company.send(instance, to=given)
    company.wait_status(sent["id"], "sent", "delivered", "read")
    assert [m["chat"] for m in sim.messages(instance["external_instance_id"])] == [f"{real}@c.us"]
    row = db.execute("SELECT to_requested, to_resolved FROM messages WHERE id = %s",
                     (sent["id"],)).fetchone()
    assert row["to_requested"].startswith(given) and row["to_resolved"] == f"{real}@c.us"
    for phone in {given, real}:
        assert kept(db, phone)["chat_id"] == f"{real}@c.us"
        assert 29 * DAY < kept(db, phone)["life"] <= 30 * DAY
    before = checks(sim, instance)
    again = company.send(instance, to=given)
    company.wait_status(again["id"], "sent", "delivered", "read")
    assert checks(sim, instance) == before
    assert sim.messages(instance["external_instance_id"])[-1]["chat"] == f"{real}@c.us"


def test_a_number_that_does_not_exist(company, instance, sim, db):
    sent = company.send(instance, to="5500988880004")
    row = company.wait_status(sent["id"], "failed")
    assert row["error_code"] == "recipient_unknown"
    assert not kept(db, "5500988880004")["exists_there"]
    assert 0.9 * DAY / 24 < kept(db, "5500988880004")["life"] <= DAY / 24
    assert sim.messages(instance["external_instance_id"]) == []


def test_a_check_that_fails_is_no_answer(company, instance, sim, db):
    sent = company.send(instance, to="5597988880005")
    company.wait_status(sent["id"], "sent", "delivered", "read")
    assert [m["chat"] for m in sim.messages(instance["external_instance_id"])] == [
        "5597988880005@c.us"]
    assert kept(db, "5597988880005") is None


def test_a_refused_send_ends_the_answer(company, instance, sim, db):
    """PAINS 18: the check found the number, the send did not; the next send asks again."""
    number = "5596988880005"
    for asked in (1, 2):
        sent = company.send(instance, to=number)
        row = company.wait_status(sent["id"], "failed")
        assert row["error_code"] == "recipient_unknown"
        assert checks(sim, instance) == asked
        wait_until(lambda: (answer := kept(db, number)) and answer["life"] <= 0 * DAY,
                   "the answer to be over")
    assert sim.messages(instance["external_instance_id"]) == []


@pytest.mark.parametrize("to", ["351911111111", "55119888800", "120363000000000077@g.us",
                                "5511988880006@lid"])
def test_nobody_else_is_asked_about(company, instance, sim, to):
    sent = company.send(instance, to=to)
    company.wait_status(sent["id"], "sent", "delivered", "read")
    assert checks(sim, instance) == 0
