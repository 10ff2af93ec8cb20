"""What the owner of a webhook asks for: test, new secret, enable, the log, retry, recovery."""

import datetime
import urllib.parse

import pytest

from support import unique, wait_until


class Hook:
    """A webhook of the instance at the simulator."""

    def __init__(self, company, instance, sim, **fields):
        self.company, self.sim, self.name = company, sim, unique("hook")
        self.row = company.api.post(f"/api/instances/{instance['id']}/webhooks", {
            "url": sim.hook_url(self.name), "events": ["on-message-sent"], **fields})
        self.path = f"/api/instances/{instance['id']}/webhooks/{self.row['id']}"
        sim.set_hook(self.name, secret=self.row["secret"])

    def ask(self, method, what, body=None):
        return self.company.api.request(method, f"{self.path}/{what}", body)

    def deliveries(self, **query):
        return self.company.api.request(
            "GET", f"{self.path}/deliveries?{urllib.parse.urlencode(query)}").body

    def wait_delivery(self, **wanted):
        return wait_until(lambda: next((d for d in self.deliveries()["data"]
                                        if wanted.items() <= d.items()), None), f"{wanted}")

    def received(self):
        return self.sim.received(self.name)

    def row_now(self):
        return next(r for r in self.company.api.get(self.path.rsplit("/", 1)[0])
                    if r["id"] == self.row["id"])


@pytest.fixture
def hook(company, instance, sim):
    return Hook(company, instance, sim)


def test_a_test_event_goes_to_this_webhook_alone(hook, company, instance, sim):
    other = Hook(company, instance, sim, events=["*"], format="standard")
    reply = hook.ask("POST", "test")
    assert (reply.status, reply.body["data"]["event_type"]) == (202, "webhook.test")
    post = wait_until(hook.received, "the post")[0]
    assert post["headers"]["webhook-id"] == f"evt_{reply.body['data']['id']}"
    assert post["body"]["event"] == "webhook.test"
    assert sim.stats()["hooks"][hook.name]["bad_signatures"] == 0
    assert other.ask("POST", "test").status == 202
    body = wait_until(lambda: [p["body"] for p in other.received()
                               if p["body"]["type"] == "webhook.test"], "the standard post")
    assert len(body) == 1 and body[0]["data"]["instance_id"] == instance["id"]
    assert company.api.get(f"/api/events/{reply.body['data']['id']}")["event_type"] == "webhook.test"
    company.api.put(hook.path, {"is_active": False})
    reply = hook.ask("POST", "test")
    assert (reply.status, reply.body["code"]) == (409, "conflict")


def signatures(post):
    return post["headers"]["webhook-signature"].split(" ")


def test_both_secrets_sign_during_the_overlap(hook, sim):
    first = hook.row["secret"]
    reply = hook.ask("POST", "rotate-secret")
    second = reply.body["data"]["secret"]
    assert reply.status == 200 and second.startswith("whsec_") and second != first
    wait_until(lambda: hook.ask("POST", "test") and any(len(signatures(p)) == 2 for p in hook.received()),
               "a post with two signatures")
    for secret in (first, second):
        sim.set_hook(hook.name, secret=secret)
        count = len(hook.received())
        hook.ask("POST", "test")
        wait_until(lambda c=count: len(hook.received()) > c, "a post")
    assert sim.stats()["hooks"][hook.name]["bad_signatures"] == 0


def test_how_many_secrets_may_overlap(hook, db):
    def states():
        return [r["n"] for r in db.execute(
            "SELECT CASE WHEN expires_at IS NULL THEN 'current' WHEN expires_at > now() THEN 'old'"
            " ELSE 'ended' END AS n FROM webhook_secrets WHERE endpoint_id = %s ORDER BY id",
            (hook.row["id"],))]

    assert hook.ask("POST", "rotate-secret", {"overlap_seconds": 3600}).status == 200
    assert hook.ask("POST", "rotate-secret", {}).status == 200
    assert states() == ["old", "old", "current"]
    reply = hook.ask("POST", "rotate-secret", {})
    assert (reply.status, reply.body["code"], states()) == (409, "conflict", ["old", "old", "current"])
    own = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    reply = hook.ask("POST", "rotate-secret", {"overlap_seconds": 0, "secret": own})
    assert (reply.status, reply.body["data"]["secret"]) == (200, own)
    assert states() == ["ended", "ended", "ended", "current"]
    for bad in ({"overlap_seconds": 604801}, {"overlap_seconds": -1}, {"secret": "whsec_AAAA"}):
        reply = hook.ask("POST", "rotate-secret", bad)
        assert (reply.status, list(reply.body["errors"])) == (422, list(bad))


def test_what_a_disabled_webhook_held_flows_when_it_is_enabled(hook, company, instance, sim, db):
    sim.set_hook(hook.name, status=410)
    first = company.send(instance)
    wait_until(lambda: hook.row_now()["disabled_at"], "the end of the webhook")
    second = company.send(instance, to="5511999990002")
    for message in (first, second):
        company.wait_status(message["id"], "sent", "delivered", "read")
    held = hook.deliveries()
    assert [d["status"] for d in held["data"]] == ["held", "held"] and held["total"] == 2
    assert all(d["next_attempt_at"] is None for d in held["data"])
    assert len(hook.received()) == 1
    assert hook.ask("POST", f"deliveries/{held['data'][0]['id']}/retry").status == 409
    assert db.execute("SELECT 1 FROM growhub_stranded WHERE target_id = %s AND kind = 'delivery'",
                      (hook.row["id"],)).fetchone() is None
    sim.set_hook(hook.name, status=200)
    row = hook.ask("POST", "enable").body["data"]
    assert (row["is_active"], row["failure_state"], row["disabled_at"]) == (True, "ok", None)
    wait_until(lambda: [d["status"] for d in hook.deliveries()["data"]] == ["delivered"] * 2,
               "the deliveries", timeout=15)
    assert len({p["headers"]["webhook-id"] for p in hook.received()}) == 2


def test_the_log_of_deliveries(hook, company, instance, sim):
    company.send(instance)
    good = hook.wait_delivery(status="delivered")
    assert good["attempts"] == 1 and good["next_attempt_at"] is None and good["completed_at"]
    assert good["event_type"] == "message.sent"
    last = good["last_attempt"]
    assert (last["status"], last["error"], last["is_manual"]) == (200, None, False)
    assert 0 <= last["duration_ms"] < 5000
    sim.set_hook(hook.name, status=500)
    company.send(instance, to="5511999990002")
    bad = hook.wait_delivery(status="pending", attempts=1)
    assert (bad["last_attempt"]["status"], bad["last_attempt"]["error"]) == (500, "status")
    assert bad["next_attempt_at"] > bad["last_attempt"]["at"]
    page = hook.deliveries(limit=1)
    assert [d["id"] for d in page["data"]] == [bad["id"]] and page["prev_cursor"] is None
    older = hook.deliveries(limit=1, cursor=page["next_cursor"])
    assert [d["id"] for d in older["data"]] == [good["id"]] and older["next_cursor"] is None
    assert hook.deliveries(limit=1, cursor=older["prev_cursor"])["data"][0]["id"] == bad["id"]
    assert older["total"] == 2


def test_one_more_try_by_hand(hook, company, instance, sim, db):
    company.send(instance)
    done = hook.wait_delivery(status="delivered")
    reply = hook.ask("POST", f"deliveries/{done['id']}/retry")
    assert (reply.status, reply.body["data"]["id"]) == (202, done["id"])
    wait_until(lambda: len(hook.received()) == 2, "the second post")
    assert len({p["headers"]["webhook-id"] for p in hook.received()}) == 1
    again = hook.wait_delivery(status="delivered", attempts=2)
    assert again["last_attempt"]["is_manual"]
    sim.set_hook(hook.name, status=500)
    hook.ask("POST", f"deliveries/{done['id']}/retry")
    wait_until(lambda: len(hook.received()) == 3, "the third post")
    failed = wait_until(lambda: (d := hook.deliveries()["data"][0])["last_attempt"]["status"] == 500 and d,
                        "the failure")
    # It was delivered before, and is so still.
    assert (failed["status"], failed["attempts"], failed["completed_at"]) == (
        "delivered", 2, again["completed_at"])
    assert hook.ask("POST", "deliveries/0190a1b2-0000-7000-8000-000000000000/retry").status == 404


def test_a_try_by_hand_spends_no_attempt(hook, company, instance, sim):
    sim.set_hook(hook.name, status=500)
    company.send(instance)
    before = hook.wait_delivery(status="pending", attempts=1)
    hook.ask("POST", f"deliveries/{before['id']}/retry")
    after = wait_until(lambda: (d := hook.deliveries()["data"][0])["last_attempt"]["is_manual"] and d,
                       "the try")
    assert (after["status"], after["attempts"]) == ("pending", 1)
    assert after["next_attempt_at"] == before["next_attempt_at"]
    # And the schedule goes on as planned.
    later = wait_until(lambda: (d := hook.deliveries()["data"][0])["attempts"] == 2
                       and not d["last_attempt"]["is_manual"] and d,
                       "the second planned attempt", timeout=12)
    assert later["last_attempt"]["attempt"] == 2


def time_text(delta_s):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=delta_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_recovery_of_what_was_missed(hook, company, instance, sim, owner):
    """Delivered ones stay alone; failed and never made ones are posted, in slices."""
    company.send(instance)
    good = hook.wait_delivery(status="delivered")
    company.send(instance, to="5511999990002")
    wait_until(lambda: len(hook.received()) == 2, "the second post")
    lost = wait_until(lambda: [d for d in hook.deliveries()["data"] if d["status"] == "delivered"
                               and d["id"] != good["id"]], "its record")[0]
    owner.execute("UPDATE webhook_deliveries SET state = 3, attempts = 10 WHERE event_id = %s", (lost["id"],))
    # More events than a slice holds, of a type that it does not subscribe to.
    owner.execute(
        "INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)"
        " SELECT (left(growhub_uuid7_floor(now() - interval '1 h')::text, 14)"
        "   || right(gen_random_uuid()::text, 22))::uuid, %s, %s, 23, now(), '{}'"
        " FROM generate_series(1, 5000)", (company.id, instance["id"]))
    late = Hook(company, instance, sim)
    for who, total in ((hook, 3), (late, 2)):
        reply = who.ask("POST", "recover", {"since": time_text(-7200)})
        assert (reply.status, reply.body["data"]["status"]) == (202, "running")
        end = wait_until(lambda w=who: (r := w.ask("GET", "recover").body["data"][0])["status"] == "finished"
                         and r, "the recovery")
        assert (end["matched"], end["remaining"]) == (2, 0)
        assert end["queued"] == (1 if who is hook else 2)
        wait_until(lambda w=who, n=total: len(w.received()) == n, "the posts")
    ids = [p["headers"]["webhook-id"] for p in hook.received()]
    assert sorted(ids) == sorted([f"evt_{good['id']}"] + [f"evt_{lost['id']}"] * 2)
    assert hook.wait_delivery(status="delivered", id=lost["id"])["attempts"] == 1


def test_one_recovery_at_a_time_and_not_of_too_long_ago(hook, owner):
    owner.execute(
        "INSERT INTO webhook_recoveries (id, company_id, endpoint_id, since, until, looked_at, touched_at)"
        " SELECT gen_random_uuid(), company_id, id, now(), now(), growhub_uuid7_floor(now()), now() + interval '1 h'"
        " FROM instance_webhooks WHERE id = %s", (hook.row["id"],))
    statuses = {hook.ask("POST", "recover", {"since": time_text(-60)}).status for _ in range(3)}
    assert statuses <= {202, 409} and 409 in statuses
    for body, field in (({}, "since"), ({"since": time_text(-15 * 86400)}, "since"),
                        ({"since": time_text(60)}, "since"), ({"since": "yesterday"}, "since"),
                        ({"since": time_text(-60), "until": time_text(60)}, "until")):
        reply = hook.ask("POST", "recover", body)
        assert (reply.status, field in reply.body["errors"]) == (422, True), reply.body
