"""/api/messages: accepting, replaying, listing, cancelling. Senders may run or not: where a test
needs a message to wait, it is scheduled or its instance is not connected."""

import datetime
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import ApiError
from support import unique, wait_until

PHONE = "5511999990001"
ROW = ("id instance_id company_id direction phone_to phone_from message_type content media_url "
       "status priority external_id reference error_code error_message attempts created_at "
       "scheduled_at sent_at delivered_at read_at").split()


def ahead(**delta):
    return (datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(**delta)).isoformat()


class raises:
    """Context: exactly this error of the API; .errors are its fields, .message its text."""

    def __init__(self, code, status):
        self.code, self.status, self.errors, self.message = code, status, {}, ""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert isinstance(error, ApiError), f"no {self.code}: {error!r}"
        assert (error.status, error.code) == (self.status, self.code), str(error)
        self.errors, self.message = error.errors, error.body["message"]
        return True


@pytest.fixture
def idle(company):
    """An instance whose sends wait: nobody marks it connected."""
    return company.instance(is_connected=False)


def hold(company, instance, **fields):
    """A message that cannot leave before tomorrow."""
    return company.send(instance, scheduled_at=ahead(days=1), **fields)


def test_send_writes_message_queue_hint_and_ledger(company, idle, db):
    row = company.send(idle, PHONE, "Olá", reference="order-1", priority="high")
    assert list(row) == ROW
    assert row["status"] == "queued" and row["priority"] == 9 and row["direction"] == "outbound"
    assert row["phone_to"] == PHONE and row["reference"] == "order-1" and row["attempts"] == 0
    stored = db.execute("SELECT * FROM messages WHERE id = %s", (row["id"],)).fetchone()
    assert stored["company_id"] == company.id and stored["content"] == "Olá"
    assert stored["chat_key"] == f"{PHONE}@c.us" and stored["traceparent"].startswith("00-")
    queued = db.execute("SELECT * FROM send_queue WHERE message_id = %s", (row["id"],)).fetchone()
    assert queued is None or (queued["class"], queued["send_ref"][:4]) == (1, "3EB0")
    ledger = db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s",
                        (company.id,)).fetchone()
    assert ledger["accepted"] == 1


def test_every_bad_field_at_once(company):
    with raises("validation_failed", 422) as e:
        company.api.post("/api/messages/send", {
            "instance_id": "x", "phone_to": "12", "message_type": "fax", "priority": 11,
            "reference": "r" * 256, "scheduled_at": ahead(days=61), "expires_at": "tomorrow"})
    assert set(e.errors) == {"instance_id", "phone_to", "message_type", "priority", "reference",
                             "scheduled_at", "expires_at", "content"}


@pytest.mark.parametrize("field, value", [
    ("phone_to", "abc@c.us"), ("phone_to", "1234@newsletter"), ("phone_to", ""),
    ("content", ""), ("content", "x" * 65537), ("content", None), ("priority", 0),
    ("priority", "urgent"), ("priority", 1.5), ("reply_to", ""), ("expires_at", "2020-01-01T00:00:00Z"),
])
def test_bad_field(company, idle, field, value):
    with raises("validation_failed", 422) as e:
        company.api.post("/api/messages/send", {
            "instance_id": idle["id"], "phone_to": PHONE, "content": "x", field: value})
    assert list(e.errors) == [field]


def test_longest_text_is_taken(company, idle):
    assert len(company.send(idle, content="é" * 65536)["content"]) == 65536


def test_instance_of_nobody_of_another_company_and_deleted(company, new_company, idle):
    with raises("not_found", 404):
        company.send({"id": 2147483647})
    with raises("not_found", 404):
        new_company().send(idle)
    company.api.delete(f"/api/instances/{idle['id']}")
    with raises("not_found", 404):
        company.send(idle)


def test_no_and_wrong_token(api, admin, idle):
    body = {"instance_id": idle["id"], "phone_to": PHONE, "content": "x"}
    with raises("unauthenticated", 401):
        api.post("/api/messages/send", body)
    with raises("wrong_token_kind", 403):
        admin.post("/api/messages/send", body)


def send_with_key(company, instance, key, content="once"):
    return company.api.request("POST", "/api/messages/send", {
        "instance_id": instance["id"], "phone_to": PHONE, "content": content},
        {"Idempotency-Key": key})


def test_idempotency_key_replays_and_refuses_reuse(company, idle, db):
    first = send_with_key(company, idle, "order-77")
    again = send_with_key(company, idle, '"order-77"')
    assert first.status == again.status == 201
    assert first.headers["Idempotency-Replayed"] is None
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.body["data"]["id"] == again.body["data"]["id"]
    other = send_with_key(company, idle, "order-77", "another text")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert count_messages(db, company) == 1


def test_idempotency_key_of_two_companies(new_company, db):
    for company in (new_company(), new_company()):
        reply = send_with_key(company, company.instance(is_connected=False), "same-key")
        assert reply.headers["Idempotency-Replayed"] is None
        assert count_messages(db, company) == 1


@pytest.mark.parametrize("key", ["", "a b", '"', '"open', "x" * 256, '"tab\\t"', "ü"])
def test_malformed_idempotency_key(company, idle, key):
    reply = send_with_key(company, idle, key.encode().decode("latin-1"))
    assert (reply.status, reply.body["code"]) == (400, "invalid_idempotency_key")


def test_hundred_parallel_equal_requests_make_one_message(company, idle, db):
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: send_with_key(company, idle, "race"), range(100)))
    assert {r.status for r in replies} == {201}
    assert len({r.body["data"]["id"] for r in replies}) == 1
    assert sum(r.headers["Idempotency-Replayed"] is None for r in replies) == 1
    assert count_messages(db, company) == 1
    assert db.execute("SELECT accepted FROM growhub_ledger WHERE company_id = %s",
                      (company.id,)).fetchone()["accepted"] == 1


def test_parallel_sends_are_all_kept(company, idle, db):
    with ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(lambda n: company.send(idle, content=f"m {n}")["id"], range(300)))
    assert len(set(ids)) == 300 == count_messages(db, company)
    rows = db.execute("SELECT count(*) AS n FROM messages WHERE id = ANY (%s)",
                      ([uuid.UUID(i) for i in ids],)).fetchone()
    assert rows["n"] == 300


def count_messages(db, company):
    return db.execute("SELECT count(*) AS n FROM messages WHERE company_id = %s",
                      (company.id,)).fetchone()["n"]


def test_trace_of_the_caller_is_kept(company, idle, db):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = company.api.request(
        "POST", "/api/messages/send",
        {"instance_id": idle["id"], "phone_to": PHONE, "content": "x"},
        {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    stored = db.execute("SELECT traceparent FROM messages WHERE id = %s",
                        (reply.body["data"]["id"],)).fetchone()["traceparent"]
    assert stored.split("-")[1] == trace and "00f067aa0ba902b7" not in stored


def test_get_with_timeline(company, idle, new_company):
    row = hold(company, idle)
    assert row["status"] == "scheduled"
    got = company.message(row["id"], timeline=True)
    assert [s["status"] for s in got["timeline"]] == ["scheduled"]
    assert got["timeline"][0]["daemon"] == "gateway"
    assert "timeline" not in company.message(row["id"])
    with raises("not_found", 404):
        new_company().message(row["id"])
    with raises("not_found", 404):
        company.message(str(uuid.uuid4()))
    with raises("not_found", 404):
        company.message("17")


def test_cancel(company, idle, new_company, db):
    row = hold(company, idle, reference="c-1")
    with raises("not_found", 404):
        new_company().api.delete(f"/api/messages/{row['id']}")
    assert company.api.delete(f"/api/messages/{row['id']}")["status"] == "cancelled"
    with raises("conflict", 409):
        company.api.delete(f"/api/messages/{row['id']}")
    steps = company.message(row["id"], timeline=True)["timeline"]
    assert [s["status"] for s in steps] == ["scheduled", "cancelled"]
    assert db.execute("SELECT 1 FROM send_queue WHERE message_id = %s",
                      (row["id"],)).fetchone() is None
    event = db.execute("SELECT type, facts::jsonb AS facts FROM events WHERE message_id = %s",
                       (row["id"],)).fetchone()
    assert event["type"] == 10 and event["facts"]["reference"] == "c-1"
    ledger = db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s",
                        (company.id,)).fetchone()
    assert (ledger["accepted"], ledger["cancelled"], ledger["pending"]) == (1, 1, 0)


def get_list(company, **query):
    reply = company.api.request("GET", "/api/messages?" + urllib.parse.urlencode(query))
    assert reply.status == 200, reply.body
    return reply.body


def test_list_pages_newest_first(company, idle):
    ids = [hold(company, idle, content=str(n))["id"] for n in range(5)][::-1]
    assert [m["id"] for m in get_list(company)["data"]] == ids
    seen, cursor = [], None
    while True:
        page = get_list(company, limit=2, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == 5
        seen += [m["id"] for m in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == ids and cursor is None
    assert [m["id"] for m in get_list(company, limit=2, offset=3)["data"]] == ids[3:]


def test_total_is_of_the_newest(company, idle, owner):
    """A filter that matches little must not read a long history: 10,000 are looked at."""
    oldest = hold(company, idle, to="5511999990009", reference="ref-oldest")
    company.api.delete(f"/api/messages/{oldest['id']}")
    owner.execute("""
        INSERT INTO messages (id, company_id, instance_id, direction, status, chat_key)
        SELECT (left(growhub_uuid7_floor(clock_timestamp())::text, 14) || '7'
                || right(gen_random_uuid()::text, 21))::uuid, %s, %s, 1, 6, 'x@c.us'
        FROM generate_series(1, 10001)""", (company.id, idle["id"]))
    page = get_list(company, status="cancelled")
    assert (page["data"], page["total"], page["total_capped"]) == ([], 0, True)
    page = get_list(company, status="cancelled", cursor=page["next_cursor"])
    assert [m["id"] for m in page["data"]] == [oldest["id"]]
    page = get_list(company, limit=1)
    assert (page["total"], page["total_capped"]) == (10000, True)
    for query in ({"phone": "5511999990009"}, {"reference": "ref-oldest"}):
        page = get_list(company, **query)
        assert page["total"] == 1 and "total_capped" not in page


def test_list_filters(company, idle, new_company):
    other = company.instance(is_connected=False)
    a = hold(company, idle, to="5511999990001", reference="ref-a")
    b = hold(company, idle, to="5511999990002", content="b")
    c = hold(company, other, to="5511999990001", content="c")
    company.api.delete(f"/api/messages/{b['id']}")

    def found(**query):
        page = get_list(company, **query)
        assert page["total"] == len(page["data"])
        return {m["id"] for m in page["data"]}

    everything = {a["id"], b["id"], c["id"]}
    assert found() == everything
    assert found(instance_id=idle["id"]) == {a["id"], b["id"]}
    assert found(status="cancelled") == {b["id"]}
    assert found(direction="inbound") == set() and found(direction="outbound") == everything
    assert found(phone="+5511999990001") == {a["id"], c["id"]}
    assert found(reference="ref-a") == {a["id"]}
    assert found(reference="ref-a", status="cancelled") == set()
    assert found(since=c["created_at"]) == {c["id"]} or c["created_at"] == b["created_at"]
    assert found(until=a["created_at"]) == set()
    assert found(until="1969-12-31T23:59:59Z") == set()
    assert new_company().api.get(f"/api/messages?reference=ref-a") == []


def test_bad_filters(company):
    with raises("validation_failed", 422) as e:
        company.api.get("/api/messages?instance_id=x&status=nope&direction=up&phone=1&since=now")
    assert set(e.errors) == {"instance_id", "status", "direction", "phone", "since"}
    with raises("validation_failed", 422):
        company.api.get("/api/messages?limit=201")
    with raises("invalid_cursor", 400):
        company.api.get("/api/messages?cursor=abc")


def test_cursor_belongs_to_company_and_filters(company, idle, new_company):
    for n in range(2):
        hold(company, idle, content=str(n))
    cursor = get_list(company, limit=1)["next_cursor"]
    assert get_list(company, limit=1, cursor=cursor)["data"]
    with raises("invalid_cursor", 400):
        new_company().api.get(f"/api/messages?cursor={cursor}")
    with raises("invalid_cursor", 400):
        company.api.get(f"/api/messages?status=queued&cursor={cursor}")


def test_deleting_the_instance_cancels_what_waits(company, idle, db):
    waiting = [hold(company, idle, content=unique("w"))["id"] for _ in range(3)]
    company.api.delete(f"/api/instances/{idle['id']}")
    wait_until(lambda: all(company.message(i)["status"] == "cancelled" for i in waiting),
               "cancelled messages")
    assert db.execute("SELECT count(*) AS n FROM send_queue WHERE company_id = %s",
                      (company.id,)).fetchone()["n"] == 0
