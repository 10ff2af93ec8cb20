"""Dead letters: looked at, sent again, dropped."""

import urllib.parse

import pytest

from support import unique, wait_until


@pytest.fixture
def failed(company, instance, sim):
    """Three messages that the provider refused for good, in order."""
    sim.fault("waha", "status", value=422, rate=1, for_ms=60000)
    sent = [company.send(instance, content=f"lost #{i}") for i in range(3)]
    for message in sent:
        company.wait_status(message["id"], "failed")
    sim.fault("waha", "status", value=422, rate=0, for_ms=1)
    return sent


def letters(admin, **query):
    return admin.request("GET", f"/api/admin/dlq?{urllib.parse.urlencode(query)}").body


def replay(admin, **body):
    reply = admin.request("POST", "/api/admin/dlq/replay", body)
    assert reply.status == 202, reply.body
    return reply.body["data"]


def test_a_dead_letter_tells_its_story(admin, company, failed):
    page = letters(admin, company_id=company.id)
    assert [r["id"] for r in page["data"]] == [m["id"] for m in failed[::-1]] and page["total"] == 3
    row = page["data"][0]
    assert (row["status"], row["replayed_at"], row["company_id"]) == ("failed", None, company.id)
    one = admin.get(f"/api/admin/dlq/{row['id']}")
    assert {k: v for k, v in one.items() if k != "message"} == row
    assert one["message"]["content"] == "lost #2"
    assert [s["status"] for s in one["message"]["timeline"]] == ["queued", "processing", "failed"]
    first = letters(admin, company_id=company.id, limit=2)
    second = letters(admin, company_id=company.id, limit=2, cursor=first["next_cursor"])
    assert [r["id"] for r in second["data"]] == [failed[0]["id"]]
    back = letters(admin, company_id=company.id, limit=2, cursor=second["prev_cursor"])
    assert back["data"] == first["data"]
    assert letters(admin, company_id=company.id, reason="nothing")["data"] == []
    assert letters(admin, company_id=company.id, reason=row["reason"])["total"] == 3
    assert letters(admin, company_id=company.id, replayed="true")["data"] == []
    assert failed[0]["id"] in {r["id"] for r in letters(admin, limit=200)["data"]}


def test_one_is_sent_again_with_a_fresh_place(admin, company, instance, failed, sim, db):
    path = f"/api/admin/dlq/{failed[0]['id']}"
    reply = admin.request("POST", f"{path}/replay")
    assert (reply.status, reply.body["data"]["status"]) == (202, "queued")
    assert reply.body["data"]["replayed_at"]
    company.wait_status(failed[0]["id"], "read")
    steps = [(s["status"], s["reason"]) for s in company.message(failed[0]["id"], timeline=True)["timeline"]]
    assert ("queued", "replayed") in steps and steps[-1][0] == "read"
    message = company.message(failed[0]["id"])
    assert (message["error_code"], message["attempts"]) == (None, 1)
    again = admin.request("POST", f"{path}/replay")
    assert (again.status, again.body["code"]) == (409, "conflict")
    session = company.api.get(f"/api/instances/{instance['id']}")["external_instance_id"]
    assert [m["text"] for m in sim.messages(session)] == ["lost #0"]
    assert db.execute("SELECT * FROM growhub_ledger WHERE company_id = %s", (company.id,)).fetchone() == {
        "company_id": company.id, "accepted": 3, "sent": 1, "failed": 2, "cancelled": 0, "pending": 0}


def test_one_that_fails_again_is_a_dead_letter_again(admin, company, failed, sim):
    sim.fault("waha", "status", value=422, rate=1, for_ms=60000)
    admin.post(f"/api/admin/dlq/{failed[0]['id']}/replay", {})
    wait_until(lambda: admin.get(f"/api/admin/dlq/{failed[0]['id']}")["replayed_at"] is None, "the failure")
    sim.fault("waha", "status", value=422, rate=0, for_ms=1)
    assert company.message(failed[0]["id"])["status"] == "failed"
    assert letters(admin, company_id=company.id)["total"] == 3


def test_all_that_match_are_sent_again_in_order(admin, company, instance, failed, sim):
    assert replay(admin, company_id=company.id, reason="nothing")["replayed"] == 0
    done = replay(admin, company_id=company.id)
    assert done == {"replayed": 3, "skipped": 0, "has_more": False, "next_after": None}
    for message in failed:
        company.wait_status(message["id"], "read")
    session = company.api.get(f"/api/instances/{instance['id']}")["external_instance_id"]
    assert [m["text"] for m in sim.messages(session)] == ["lost #0", "lost #1", "lost #2"]
    assert replay(admin, company_id=company.id)["replayed"] == 0
    assert letters(admin, company_id=company.id, replayed="true")["total"] == 3


def test_a_large_replay_goes_slice_by_slice(admin, company, instance, owner, db):
    """Letters without a message: nothing is sent, the slices lead to the end."""
    owner.execute(
        "INSERT INTO dead_letters (message_id, company_id, instance_id, reason, attempts)"
        " SELECT (left(growhub_uuid7_floor(now() - n * interval '1 s')::text, 14)"
        "   || right(gen_random_uuid()::text, 22))::uuid, %s, %s, 'made', 1"
        " FROM generate_series(1, 1100) n", (company.id, instance["id"]))
    seen, body = [], {}
    while True:
        got = replay(admin, company_id=company.id, **body)
        seen.append(got["skipped"])
        if not got["has_more"]:
            break
        body = {"after": got["next_after"]}
    assert seen == [500, 500, 100]


def test_one_whose_instance_is_gone_stays(admin, company, instance, failed):
    company.api.delete(f"/api/instances/{instance['id']}")
    assert admin.request("POST", f"/api/admin/dlq/{failed[0]['id']}/replay").status == 409
    assert replay(admin, company_id=company.id)["skipped"] == 3


def test_dropping_one(admin, company, failed):
    path = f"/api/admin/dlq/{failed[1]['id']}"
    assert admin.delete(path)["id"] == failed[1]["id"]
    for method, at in (("GET", path), ("DELETE", path), ("POST", f"{path}/replay")):
        assert admin.request(method, at).status == 404
    assert company.message(failed[1]["id"])["status"] == "failed"
    assert letters(admin, company_id=company.id)["total"] == 2


@pytest.mark.parametrize("query", [{"company_id": "x"}, {"replayed": "maybe"}, {"since": "1"}],
                         ids=lambda q: next(iter(q)))
def test_bad_filters(admin, query):
    reply = admin.request("GET", f"/api/admin/dlq?{urllib.parse.urlencode(query)}")
    assert (reply.status, list(reply.body["errors"])) == (422, list(query))
    reply = admin.request("POST", "/api/admin/dlq/replay", {"company_id": unique("x")})
    assert (reply.status, list(reply.body["errors"])) == (422, ["company_id"])
