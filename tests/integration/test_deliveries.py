"""Deliveries to company endpoints: retries, limits, endpoints that are slow, dead or gone."""

from support import unique, wait_until


def endpoint(company, instance, sim, **fields):
    """A hook of the simulator that hears of sent messages; returns its name and row id."""
    hook = unique("hook")
    row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                           {"url": sim.hook_url(hook), "events": ["on-message-sent"], **fields})
    sim.set_hook(hook, secret=row["secret"])
    return hook, row["id"]


def deliveries(db, endpoint_id):
    return db.execute("SELECT * FROM webhook_deliveries WHERE endpoint_id = %s ORDER BY event_id",
                      (endpoint_id,)).fetchall()


def attempts(db, endpoint_id):
    return db.execute("SELECT * FROM webhook_attempts WHERE endpoint_id = %s ORDER BY at",
                      (endpoint_id,)).fetchall()


def test_a_failed_post_is_repeated_with_the_same_id_and_body(company, instance, sim, db):
    hook, endpoint_id = endpoint(company, instance, sim)
    sim.set_hook(hook, status=500)
    company.send(instance)
    first = wait_until(lambda: attempts(db, endpoint_id), "the first attempt")[0]
    assert (first["attempt"], first["status"], first["error"]) == (1, 500, "status")
    row = deliveries(db, endpoint_id)[0]
    assert row["state"] == 0 and row["attempts"] == 1 and row["lease_until"] is None
    assert 3.9 < (row["available_at"] - first["at"]).total_seconds() < 7
    sim.set_hook(hook, status=200)
    wait_until(lambda: deliveries(db, endpoint_id)[0]["state"] == 2, "the delivery", timeout=15)
    posts = sim.received(hook)
    assert len(posts) == 2
    assert posts[0]["headers"]["webhook-id"] == posts[1]["headers"]["webhook-id"]
    assert posts[0]["body"] == posts[1]["body"]
    assert posts[0]["headers"]["webhook-timestamp"] < posts[1]["headers"]["webhook-timestamp"]
    assert [a["status"] for a in attempts(db, endpoint_id)] == [500, 200]
    assert sim.stats()["hooks"][hook]["bad_signatures"] == 0


def test_headers_of_a_post(company, instance, sim):
    hook, _ = endpoint(company, instance, sim, custom_headers={"X-Key": "open sesame"})
    company.send(instance)
    headers = wait_until(lambda: sim.received(hook), "the post")[0]["headers"]
    assert headers["x-key"] == "open sesame"
    assert headers["x-webhook-source"] == "GrowHub-Gateway"
    assert headers["user-agent"].startswith("GrowHub-Webhooks/")
    assert headers["content-type"] == "application/json"


def test_an_endpoint_that_is_gone_is_disabled_and_keeps_its_events(company, instance, sim, db):
    hook, endpoint_id = endpoint(company, instance, sim)
    sim.set_hook(hook, status=410)
    company.send(instance)
    wait_until(lambda: attempts(db, endpoint_id), "the attempt")
    row = db.execute("SELECT * FROM instance_webhooks WHERE id = %s", (endpoint_id,)).fetchone()
    assert row["disabled_at"] and row["failure_state"] == "disabled"
    assert deliveries(db, endpoint_id)[0]["state"] == 0


def test_the_others_hear_of_a_disabled_endpoint(company, instance, sim):
    gone, gone_id = endpoint(company, instance, sim)
    other, _ = endpoint(company, instance, sim, format="standard", events=["endpoint.disabled"])
    sim.set_hook(gone, status=410)
    company.send(instance)
    heard = wait_until(lambda: sim.received(other), "endpoint.disabled")
    assert [e["body"]["type"] for e in heard] == ["endpoint.disabled"]
    assert heard[0]["body"]["data"] == {"company_id": company.id, "instance_id": instance["id"],
                                        "endpoint_id": gone_id, "reason": "receiver_asked"}


def test_quiet_asked_for_holds_the_endpoint_and_spends_no_attempt(company, instance, sim, db):
    hook, endpoint_id = endpoint(company, instance, sim)
    sim.set_hook(hook, status=429)
    company.send(instance)
    wait_until(lambda: attempts(db, endpoint_id), "the attempt")
    company.send(instance, to="5511999990002")
    wait_until(lambda: db.execute(
        "SELECT 1 FROM outbox_messages WHERE kind = 3 AND target_id = %s AND available_at"
        " > now() + interval '40 s' HAVING count(*) >= 2", (endpoint_id,)).fetchone(),
        "the timers of the retry and of the endpoint")
    rows = deliveries(db, endpoint_id)
    assert [(r["state"], r["attempts"]) for r in rows] == [(0, 1), (0, 0)]
    assert len(sim.received(hook)) == 1


def test_a_slow_endpoint_delays_no_other_and_keeps_its_limit(company, instance, sim, db):
    slow, slow_id = endpoint(company, instance, sim)
    quick, _ = endpoint(company, instance, sim)
    limit, count = 16, 24  # the default of max_concurrency; more than that
    sim.set_hook(slow, delay_ms=1500)
    for i in range(count):
        company.send(instance, to=f"55119999911{i:02}")
    wait_until(lambda: len(sim.received(quick)) == count, "the quick posts", timeout=10)
    wait_until(lambda: [d["state"] for d in deliveries(db, slow_id)] == [2] * count, "the slow posts", timeout=20)
    came = [post["at_ms"] for post in sim.received(slow)]
    assert max(sum(at - 1400 < other <= at for other in came) for at in came) == limit
    assert sim.stats()["hooks"][slow]["posts"] == count


def test_rows_claimed_ahead_are_given_back_when_the_endpoint_asks_for_quiet(company, instance, sim, db):
    hook, endpoint_id = endpoint(company, instance, sim)
    sim.set_hook(hook, delay_ms=2)
    for i in range(150):
        company.send(instance, to=f"55119{i:08d}")
    sim.set_hook(hook, status=429)
    for i in range(150, 200):
        company.send(instance, to=f"55119{i:08d}")
    wait_until(lambda: len(deliveries(db, endpoint_id)) == 200, "the events")
    wait_until(lambda: any(a["status"] == 429 for a in attempts(db, endpoint_id)), "the refusal")
    wait_until(lambda: all(d["state"] != 1 for d in deliveries(db, endpoint_id)), "the results")
    made = attempts(db, endpoint_id)
    rows = deliveries(db, endpoint_id)
    assert sum(d["attempts"] for d in rows) == len(made) == len(sim.received(hook))
    assert sum(d["state"] == 2 for d in rows) == sum(a["status"] == 200 for a in made) >= 1
    assert any(d["state"] == 0 and d["attempts"] == 0 for d in rows)
