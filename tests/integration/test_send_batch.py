"""POST /api/messages/send-batch: each item is answered, what is accepted is committed together."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from test_messages_api import ahead, count_messages, raises
from test_sends import PHONE, post


@pytest.fixture
def idle(company):
    return company.instance(is_connected=False)


def item(instance, **fields):
    return {"instance_id": instance["id"], "phone_to": PHONE, "content": "x",
            "scheduled_at": ahead(days=1), **fields}


def test_each_item_is_told_its_own_fate(company, new_company, idle, db):
    stranger = new_company().instance(is_connected=False)
    reply = post(company.api, "/api/messages/send-batch", {"messages": [
        item(idle, reference="a"), item(idle, phone_to="1", priority=99), item(stranger), 7,
        item(idle, message_type="location", location={"latitude": 1, "longitude": 2})]})
    assert reply.status == 207
    items = reply.body["data"]
    assert [i["index"] for i in items] == list(range(5))
    assert [i["http_status"] for i in items] == [201, 422, 404, 422, 201]
    assert [i["success"] for i in items] == [True, False, False, False, True]
    assert items[0]["data"]["reference"] == "a" and items[4]["data"]["message_type"] == "location"
    assert set(items[1]["errors"]) == {"phone_to", "priority"}
    assert [i.get("code") for i in items] == [None, "validation_failed", "not_found",
                                              "validation_failed", None]
    assert count_messages(db, company) == 2
    for i in (items[0], items[4]):
        assert company.message(i["data"]["id"])["status"] == "scheduled"


def test_a_thousand_are_committed_together_in_their_order(company, idle, db):
    texts = [f"m {n}" for n in range(1000)]
    items = company.api.post("/api/messages/send-batch",
                             {"messages": [item(idle, content=t) for t in texts]})
    assert [i["data"]["content"] for i in items] == texts
    assert db.execute("SELECT count(DISTINCT xmin::text) AS n FROM messages WHERE company_id = %s",
                      (company.id,)).fetchone()["n"] == 1
    rows = db.execute("SELECT m.content FROM send_queue q JOIN messages m ON m.id = q.message_id"
                      " WHERE m.company_id = %s ORDER BY q.seq", (company.id,)).fetchall()
    assert [r["content"] for r in rows] == texts
    ledger = db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s", (company.id,))
    assert ledger.fetchone()["accepted"] == 1000


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": "x"},
                                  {"messages": [{}] * 1001}])
def test_bad_batch(company, body):
    with raises("validation_failed", 422) as e:
        company.api.post("/api/messages/send-batch", body)
    assert set(e.errors) == {"messages"}


def test_a_batch_without_a_good_item_stores_nothing(company, db):
    reply = post(company.api, "/api/messages/send-batch", {"messages": [{}, {}]},
                 Idempotency_Key="none")
    assert reply.status == 207 and [i["http_status"] for i in reply.body["data"]] == [422, 422]
    assert count_messages(db, company) == 0


def test_a_key_belongs_to_the_whole_batch(company, idle, db):
    body = {"messages": [item(idle, content=f"m {n}", priority=99 if n == 3 else 5)
                         for n in range(20)]}

    def one(_):
        return post(company.api, "/api/messages/send-batch", body, Idempotency_Key="b-1")

    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(one, range(30)))
    assert {r.status for r in replies} == {207}
    assert sum(r.headers["Idempotency-Replayed"] is None for r in replies) == 1
    first = replies[0].body["data"]
    assert all(r.body["data"] == first for r in replies)
    assert [i["http_status"] for i in first] == [422 if n == 3 else 201 for n in range(20)]
    assert count_messages(db, company) == 19
    body["messages"].pop()
    reply = one(0)
    assert (reply.status, reply.body["code"]) == (422, "idempotency_key_reused")
    assert count_messages(db, company) == 19


def test_a_batch_is_sent(company, instance, sim):
    items = company.api.post("/api/messages/send-batch", {"messages": [
        {"instance_id": instance["id"], "phone_to": PHONE, "content": f"b {n}"}
        for n in range(5)]})
    for i in items:
        company.wait_status(i["data"]["id"], "sent", "delivered", "read")
    texts = [m["text"] for m in sim.messages(instance["external_instance_id"])]
    assert texts == [f"b {n}" for n in range(5)]
