"""A provider that is away: nothing lost, nothing hammered, no try burnt, all sent in order."""

import time
import urllib.parse
import urllib.request

import pytest

from life import Proxy
from support import Company, unique, wait_until

CHATS = [f"551198888000{n}" for n in range(5)]


def metric(env, daemon, name, **labels):
    """Sum of the series of a metric that carry these labels, over the processes of one kind."""
    total = 0.0
    for entry in env["GROWHUB_ADMIN_URLS"].split():
        process, _, url = entry.partition("=")
        if not process.startswith(f"{daemon}-"):
            continue
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                series, _, value = line.rpartition(" ")
                if series.partition("{")[0] == name and all(
                        f'{k}="{v}"' in series for k, v in labels.items()):
                    total += float(value)
    return total


@pytest.fixture
def far(admin, env):
    """(a proxy before the simulator, a company at the provider behind it)."""
    place = urllib.parse.urlsplit(env["GROWHUB_SIM_URL"])
    proxy = Proxy((place.hostname, place.port))
    proxy.open()
    provider = admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("far"), "api_key": "sim", "max_instances": 100,
        "base_url": f"http://127.0.0.1:{proxy.port}/waha"})
    company = Company(admin, provider)
    yield proxy, company
    company.close()
    proxy.close()


def is_open(env):
    """Any of the senders leaves a provider alone."""
    return metric(env, "senderd", "growhub_provider_breaker_open") > 0


def wait_open(env):
    wait_until(lambda: is_open(env), "an open breaker", timeout=40)


def wait_closed(env):
    """Of several senders, those without anything left to try with forget it after half a minute."""
    wait_until(lambda: not is_open(env), "all breakers closed", timeout=75)


def test_a_provider_that_is_down_for_a_while(far, sim, env, db):
    proxy, company = far
    instances = [company.instance() for _ in range(2)]
    proxy.cut()
    called = metric(env, "senderd", "growhub_send_attempts_total")
    away_since = time.monotonic()
    sent = [(instance, company.send(instance, to=chat, content=f"{chat} #{n}"))
            for n in range(1, 7) for chat in CHATS for instance in instances]
    wait_open(env)
    waiting = wait_until(lambda: db.execute(
        "SELECT count(*) AS n FROM send_queue WHERE instance_id = ANY(%s)"
        " AND reason = 'waiting_provider'", ([i["id"] for i in instances],)).fetchone()["n"],
        "rows that say why they wait")
    assert waiting <= len(CHATS) * len(instances)
    time.sleep(max(0, 12 - (time.monotonic() - away_since)))
    # 1 + 2 + 4 ... s apart for each sender, and what was claimed together before the first refusal.
    senders = env["GROWHUB_ADMIN_URLS"].count("senderd-")
    assert metric(env, "senderd", "growhub_send_attempts_total") - called <= waiting + 8 * senders
    assert db.execute("SELECT * FROM growhub_stranded").fetchall() == []
    proxy.open()
    for _, message in sent:
        row = company.wait_status(message["id"], "sent", "delivered", "read", timeout=60)
        assert row["attempts"] == 1
    wait_closed(env)
    for instance in instances:
        texts = [m["text"] for m in sim.messages(instance["external_instance_id"])]
        for chat in CHATS:
            assert [t for t in texts if t.startswith(chat)] == [f"{chat} #{n}" for n in range(1, 7)]
    assert db.execute("SELECT count(*) AS n FROM dead_letters WHERE company_id = %s",
                      (company.id,)).fetchone()["n"] == 0


def test_other_providers_go_on_meanwhile(far, company, instance, env):
    proxy, away = far
    waiting = away.instance()
    proxy.cut()
    held = away.send(waiting, content="Held #1")
    wait_open(env)
    company.wait_status(company.send(instance, content="Free")["id"], "read", timeout=5)
    assert away.message(held["id"])["status"] == "queued"
    proxy.open()
    away.wait_status(held["id"], "read", timeout=40)
    wait_closed(env)


def test_a_wrong_key_opens_it_too(far, admin, env):
    _, company = far
    instance = company.instance()
    admin.put(f"/api/admin/providers/{company.provider['id']}", {"api_key": "wrong"})
    # Routes are cached for some seconds: send until the new key is used.
    sent = [company.send(instance, content="Key #0")]
    deadline = time.monotonic() + 15
    while not is_open(env):
        assert time.monotonic() < deadline
        sent.append(company.send(instance, content=f"Key #{len(sent)}"))
        time.sleep(0.5)
    admin.put(f"/api/admin/providers/{company.provider['id']}", {"api_key": "sim"})
    for message in sent:
        row = company.wait_status(message["id"], "sent", "delivered", "read", timeout=60)
        assert row["attempts"] == 1
    wait_closed(env)


def test_five_doubts_open_it(sim, company, instance, env):
    opened = metric(env, "senderd", "growhub_provider_breaker_changes_total", change="opened")
    sim.fault("waha", "status", value=502, rate=1, for_ms=60000)
    try:
        # Each sender counts for itself.
        sent = [company.send(instance, to=f"55119777700{n:02}", content="Doubt #1")
                for n in range(20)]
        wait_open(env)
    finally:
        sim.fault("waha", "status", rate=0, for_ms=1)
    assert metric(env, "senderd", "growhub_provider_breaker_changes_total",
                  change="opened") > opened
    for message in sent:
        company.wait_status(message["id"], "read", timeout=60)
    wait_closed(env)
    assert len(sim.messages(instance["external_instance_id"])) == len(sent)
