"""Moving an instance between providers: nothing lost, nothing twice, history kept.

What holds a move in a state: "pairing", that another number than the instance's was paired;
"draining", a send whose answer does not come. The stack waits 3 s for proof of a send in doubt.
"""

from concurrent.futures import ThreadPoolExecutor
import contextlib
import itertools
import json
import subprocess
import threading

import pytest

from paths import program
from support import Daemon, paused, unique, wait_until
from test_idempotency import post_until_answered
from test_main_path import endpoint, events

OTHER = {"waha": "uazapi", "uazapi": "waha"}
_chat = itertools.count(1)


def chat():
    """The number of a chat that no other message of this run goes to."""
    return f"55118777{next(_chat):05d}"


def move_path(row):
    return f"/api/admin/instances/{row['id']}/move"


def begin(admin, row, provider):
    reply = admin.request("POST", move_path(row), {"provider_id": provider["id"]})
    assert reply.status == 202, reply.body
    return reply.body["data"]


def wait_move(admin, row, *states, timeout=30):
    return wait_until(lambda: (m := admin.get(move_path(row))) and m["state"] in states and m,
                      f"the move of {row['id']} to be {' or '.join(states)}", timeout)


def due(owner, row, seconds=0):
    """healthd looks at the move then: neither a dead one's claim nor a grace is waited for."""
    owner.execute("UPDATE instance_moves SET next_at = now() + %s * interval '1 s'"
                  " WHERE instance_id = %s AND finished_at IS NULL", (seconds, row["id"]))


def wait_done(admin, owner, row, timeout=60):
    """The grace before the old session goes is waited for by others."""
    if wait_move(admin, row, "cleaning", "done", timeout=timeout)["state"] == "cleaning":
        due(owner, row)
    return wait_move(admin, row, "done")


def texts(sim, kind, session):
    return [m["text"] for m in sim.messages(session, provider=kind)]


def sent_by_either(sim, move, kind):
    """Texts that each provider took: those of the old session, those of the new."""
    return texts(sim, kind, move["from_session"]), texts(sim, OTHER[kind], move["to_session"])


@contextlib.contextmanager
def held_in_pairing(owner, row):
    """Another number than the instance's is paired: the move waits, until the block ends."""
    own = owner.execute("SELECT phone_number AS n FROM instances WHERE id = %s",
                        (row["id"],)).fetchone()["n"]
    set_own = "UPDATE instances SET phone_number = %s WHERE id = %s"
    owner.execute(set_own, ("5511900000000", row["id"]))
    try:
        yield
    finally:
        owner.execute(set_own, (own, row["id"]))


@contextlib.contextmanager
def broken(sim, scope, kind, **settings):
    sim.fault(scope, kind, **{"rate": 1, "for_ms": 60000, **settings})
    try:
        yield
    finally:
        sim.fault(scope, kind, rate=0, for_ms=1)


def is_gone(sim, kind, session):
    """The provider has no such session any more."""
    try:
        return sim.session(session, provider=kind).get("status") in (None, "deleted")
    except OSError:
        return True


@pytest.mark.parametrize("kind", ["waha", "uazapi"])
def test_an_instance_moves_with_what_it_has(new_company, provider_of, admin, owner, sim, db, kind):
    company, target = new_company(kind), provider_of(OTHER[kind])
    row = company.instance()
    hook = endpoint(company, row, sim)
    before = company.send(row, to=chat(), content="Before #1")
    company.wait_status(before["id"], "read")
    scheduled = company.send(row, to=chat(), content="Scheduled #1", scheduled_at=soon(db, 14))
    move = begin(admin, row, target)
    assert (move["state"], move["from_provider_id"], move["to_provider_id"]) == (
        "creating", row["provider_id"], target["id"])
    done = wait_done(admin, owner, row)
    assert done["switched_at"] and done["finished_at"] and done["error"] is None
    now = company.api.get(f"/api/instances/{row['id']}")
    assert (now["provider_id"], now["status"]) == (target["id"], "connected")
    after = company.send(row, to=chat(), content="After #1")
    for sent in (after, scheduled):
        company.wait_status(sent["id"], "read", timeout=30)
    # On a slow machine its time comes before the switch; it goes once, by whom it belongs to then.
    old, new = sent_by_either(sim, move, kind)
    late = company.api.get(f"/api/messages/{scheduled['id']}")["sent_at"] > done["switched_at"]
    assert (sorted(old), sorted(new)) == (
        (["Before #1"], ["After #1", "Scheduled #1"]) if late else
        (["Before #1", "Scheduled #1"], ["After #1"]))
    # The same token and endpoint, and all of the history.
    assert company.api.with_token(row["token"]).get("/instance/status")["status"]["connected"]
    told = wait_until(lambda: (e := {x.get("id") for x in events(sim, hook)
                                     if x["event"] == "on-message-read"}) and
                      e >= {before["id"], after["id"], scheduled["id"]} and e, "the receipts")
    assert told
    listed = company.api.get(f"/api/messages?instance_id={row['id']}")
    assert {m["id"] for m in listed} == {before["id"], after["id"], scheduled["id"]}
    assert is_gone(sim, kind, move["from_session"])
    keys = db.execute("SELECT provider_id, revoked_at IS NULL AS lives FROM webhook_keys"
                      " WHERE instance_id = %s", (row["id"],)).fetchall()
    assert {(k["provider_id"], k["lives"]) for k in keys} == {
        (row["provider_id"], False), (target["id"], True)}


def soon(db, seconds):
    return db.execute("SELECT to_char(now() AT TIME ZONE 'UTC' + %s * interval '1 s',"
                      " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at", (seconds,)).fetchone()["at"]


def test_there_and_back(new_company, provider_of, admin, owner, sim):
    company = new_company("waha")
    row = company.instance()
    for kind in ("uazapi", "waha"):
        begin(admin, row, provider_of(kind))
        move = wait_done(admin, owner, row)
        sent = company.send(row, to=chat(), content=f"At {kind}")
        company.wait_status(sent["id"], "read")
        assert texts(sim, kind, move["to_session"]) == [f"At {kind}"]


@pytest.mark.parametrize("kind", ["waha", "uazapi"])
def test_traffic_goes_on_and_each_message_goes_once(new_company, provider_of, admin, sim, kind):
    """To a few chats, in order, all the time."""
    company = new_company(kind)
    row = company.instance()
    chats, sent, over = [chat() for _ in range(4)], [], threading.Event()

    def traffic():
        for n in itertools.count():
            if over.wait(0.05):
                return
            sent.append(company.send(row, to=chats[n % 4], content=f"T{n}")["id"])

    worker = threading.Thread(target=traffic)
    worker.start()
    try:
        move = begin(admin, row, provider_of(OTHER[kind]))
        wait_move(admin, row, "done", timeout=60)
    finally:
        over.set()
        worker.join()
    for message in sent:
        company.wait_status(message, "sent", "delivered", "read", timeout=30)
    old, new = sent_by_either(sim, move, kind)
    assert sorted(old + new) == sorted(f"T{n}" for n in range(len(sent)))
    assert old and new
    for c in range(4):
        for part in (old, new):
            own = [int(t[1:]) for t in part if int(t[1:]) % 4 == c]
            assert own == sorted(own)


@pytest.mark.parametrize("kind", ["waha", "uazapi"])
def test_a_call_under_way_ends_at_the_old_provider(new_company, provider_of, admin, owner, sim, kind):
    company = new_company(kind)
    row = company.instance()
    with broken(sim, kind, "latency", value=4000):
        slow = company.send(row, to=chat(), content="Slow #1")
        company.wait_status(slow["id"], "processing")
    move = begin(admin, row, provider_of(OTHER[kind]))
    wait_move(admin, row, "draining", timeout=20)
    queued = company.send(row, to=chat(), content="Queued #1")
    wait_done(admin, owner, row)
    for sent in (slow, queued):
        company.wait_status(sent["id"], "read", timeout=20)
    assert sent_by_either(sim, move, kind) == (["Slow #1"], ["Queued #1"])


@pytest.mark.parametrize("kind", ["waha", "uazapi"])
def test_a_doubt_is_settled_by_the_old_provider(new_company, provider_of, admin, owner, sim, env, kind):
    """Its look-up; no echo, no receipt."""
    company = new_company(kind)
    row = company.instance()
    with paused(env, "eventd"):
        with broken(sim, kind, "reset_after"):
            doubt = company.send(row, to=chat(), content="Doubt #1")
            company.wait_status(doubt["id"], "in_doubt")
        move = begin(admin, row, provider_of(OTHER[kind]))
        wait_move(admin, row, "cleaning", "done", timeout=60)
        assert company.message(doubt["id"])["status"] == "sent"
    wait_done(admin, owner, row)
    company.wait_status(doubt["id"], "read", timeout=20)
    assert sent_by_either(sim, move, kind) == (["Doubt #1"], [])


def test_a_doubt_that_stays_is_held(new_company, provider_of, admin, sim, env, owner):
    """The old provider answers no look-up in time: the new one is not to send it again."""
    company = new_company("waha")
    row = company.instance()
    with paused(env, "eventd"), broken(sim, "waha", "reset_after"):
        doubt = company.send(row, to=chat(), content="Doubt #2")
        company.wait_status(doubt["id"], "in_doubt")
        owner.execute("UPDATE send_queue SET available_at = now() + interval '1 h'"
                      " WHERE message_id = %s", (doubt["id"],))
        move = begin(admin, row, provider_of("uazapi"))
        wait_move(admin, row, "draining", timeout=20)
        owner.execute("UPDATE instance_moves SET drain_until = now() WHERE instance_id = %s",
                      (row["id"],))
        wait_move(admin, row, "cleaning", "done", timeout=30)
    assert company.message(doubt["id"])["status"] == "in_doubt"
    wait_done(admin, owner, row, 90)
    later = company.send(row, to=chat(), content="Later #2")
    company.wait_status(later["id"], "read", timeout=20)
    assert sent_by_either(sim, move, "waha")[1] == ["Later #2"]


def test_while_it_waits_the_old_session_serves(new_company, provider_of, admin, sim, owner):
    company = new_company("waha")
    row = company.instance()
    hook = endpoint(company, row, sim)
    with held_in_pairing(owner, row):
        move = begin(admin, row, provider_of("uazapi"))
        waits = wait_until(lambda: (m := admin.get(move_path(row))) and m["error"] and m,
                           "the other number to be noticed", 20)
        assert waits["state"] == "pairing" and waits["error"].startswith("number_differs")
        sent = company.send(row, to=chat(), content="Meanwhile")
        company.wait_status(sent["id"], "read")
        # The same message told by both sessions is one row and one event.
        for kind, session in (("waha", move["from_session"]), ("uazapi", move["to_session"])):
            sim.inbound(session, "5511977776666", provider=kind, text="Is it open?",
                        id="3EB0AAAABBBBCCCC0001")
        sim.inbound(move["to_session"], "5511977776666", provider="uazapi", text="And now?",
                    id="3EB0AAAABBBBCCCC0002")
        heard = wait_until(lambda: (e := [x for x in events(sim, hook)
                                          if x["event"] == "on-message"]) and len(e) >= 2 and e,
                           "both messages")
        assert sorted(e["content"] for e in heard) == ["And now?", "Is it open?"]
        listed = company.api.get(f"/api/messages?instance_id={row['id']}&direction=inbound")
        assert len(listed) == 2
        assert company.api.get(f"/api/instances/{row['id']}")["status"] == "connected"
    wait_done(admin, owner, row)
    assert company.api.get(f"/api/instances/{row['id']}")["status"] == "connected"


def test_a_move_is_called_off(new_company, provider_of, admin, sim, owner):
    company, target = new_company("waha"), provider_of("uazapi")
    row = company.instance()
    with held_in_pairing(owner, row):
        move = begin(admin, row, target)
        wait_move(admin, row, "pairing", timeout=20)
        assert admin.request("DELETE", move_path(row)).status == 202
        wait_move(admin, row, "aborted", timeout=20)
    assert is_gone(sim, "uazapi", move["to_session"])
    assert admin.request("DELETE", move_path(row)).status == 404
    now = company.api.get(f"/api/instances/{row['id']}")
    assert (now["provider_id"], now["status"]) == (row["provider_id"], "connected")
    sent = company.send(row, to=chat(), content="Stays")
    company.wait_status(sent["id"], "read")
    assert texts(sim, "waha", move["from_session"]) == ["Stays"]
    begin(admin, row, target)  # and it may be moved again
    wait_done(admin, owner, row)


def test_what_cannot_move(new_company, provider_of, admin, env, owner):
    company, target = new_company("waha"), provider_of("uazapi")
    row = company.instance()

    def refused(status, words, instance_id=row["id"], **fields):
        reply = admin.request("POST", f"/api/admin/instances/{instance_id}/move", fields)
        assert reply.status == status and words in json.dumps(reply.body), reply.body

    full = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("full"), "base_url": "http://127.0.0.1:9", "max_instances": 1})
    same = admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("same"), "base_url": f"{env['GROWHUB_SIM_URL']}/waha"})
    refused(422, "provider_id")
    refused(404, "No such provider", provider_id=2147483646)
    refused(404, "No such instance", instance_id=2147483646, provider_id=target["id"])
    refused(409, "name another", provider_id=row["provider_id"])
    refused(409, "name another", provider_id=same["id"])
    admin.put(f"/api/admin/providers/{full['id']}", {"is_active": False})
    refused(409, "switched off", provider_id=full["id"])
    admin.put(f"/api/admin/providers/{full['id']}", {"is_active": True})
    begin(admin, row, full)
    refused(409, "moving already", provider_id=target["id"])
    second = company.instance()
    refused(409, "no free slot", instance_id=second["id"], provider_id=full["id"])
    reply = company.api.request("POST", "/api/instances", {"instance_name": unique("i"),
                                                           "provider_id": full["id"]})
    assert reply.status == 409
    # Its provider does not answer: nothing but the abort ends that.
    wait_until(lambda: admin.get(move_path(row))["error"], "the trouble to be told", 20)
    assert admin.request("DELETE", move_path(row)).status == 202
    gone = company.instance()
    company.api.delete(f"/api/instances/{gone['id']}")
    refused(404, "deleted", instance_id=gone["id"], provider_id=target["id"])
    assert admin.request("GET", f"/api/admin/instances/{second['id']}/move").status == 404
    assert company.api.request("GET", move_path(row)).status in (401, 403)
    owner.execute("UPDATE instance_moves SET state = 'aborted', finished_at = now()"
                  " WHERE instance_id = %s", (row["id"],))
    for made in (full, same):
        admin.delete(f"/api/admin/providers/{made['id']}")


def test_the_old_session_says_goodbye(new_company, provider_of, admin, sim, owner, db):
    """Its end, told after the switch, is not the instance's."""
    company = new_company("uazapi")
    row = company.instance()
    begin(admin, row, provider_of("waha"))
    wait_move(admin, row, "done", timeout=60)
    bodies = wait_until(lambda: db.execute(
        "SELECT count(*) AS n FROM inbound_queue WHERE instance_id = %s", (row["id"],)).fetchone()
        ["n"] == 0 or None, "the last webhooks")
    assert bodies
    assert company.api.get(f"/api/instances/{row['id']}")["status"] == "connected"


def ctl(env, *words):
    return subprocess.run([program("growhubctl"), "-c", env["GROWHUB_CONF"], "instance", "move",
                           *[str(w) for w in words]], capture_output=True, text=True, timeout=90,
                          check=False)


def test_the_command(new_company, provider_of, admin, env, owner):
    company, target = new_company("waha"), provider_of("uazapi")
    row = company.instance()
    assert ctl(env, row["id"]).returncode == 1
    assert ctl(env, row["id"], "--to", target["id"], "--abort").returncode == 2
    refused = ctl(env, row["id"], "--to", row["provider_id"])
    assert refused.returncode == 1 and "name another provider" in refused.stderr
    with held_in_pairing(owner, row):
        shown = ctl(env, row["id"], "--to", target["id"], "--json")
        assert shown.returncode == 0 and json.loads(shown.stdout)["state"] == "creating"
        wait_move(admin, row, "pairing")
        assert ctl(env, row["id"], "--abort", "--wait").returncode == 0
    with paused(env, "gateway"):
        done = ctl(env, row["id"], "--to", target["id"], "--wait")
        assert done.returncode == 0 and done.stdout.rstrip().endswith("done"), done
    assert company.api.get(f"/api/instances/{row['id']}")["provider_id"] == target["id"]


# ---- daemons that die ----

STATES = ("creating", "pairing", "draining", "cleaning", "aborting")
SLOW_MS = 4500  # within the stack's deadline of 5 s


def is_asking(owner, row):
    """healthd has claimed it, and not written yet what came of it."""
    return owner.execute("SELECT next_at > now() + interval '30 s'"
                         " AS yes FROM instance_moves WHERE instance_id = %s",
                         (row["id"],)).fetchone()["yes"]


def is_keyed(owner, row):
    """The key is stored with which the new session will post: its creation is next."""
    return owner.execute("SELECT FROM webhook_keys k JOIN instance_moves m USING (instance_id)"
                         " WHERE instance_id = %s AND k.provider_id = m.to_provider_id",
                         (row["id"],)).fetchone() is not None


def accepted(company, row, to, content):
    """Its id; asked for until there is an answer: the gateway may be dead."""
    body = {"instance_id": row["id"], "phone_to": to, "content": content}
    reply = post_until_answered(company.api, "/api/messages/send", body, unique("move"))
    assert reply.status < 300, reply.body
    return reply.body["data"]["id"]


@contextlib.contextmanager
def traffic(company, rows):
    """Two chats of each row are written to meanwhile: {(instance, chat): {text: id}}."""
    chats = [(row, chat()) for row in rows for _ in range(2)]
    sent, over = {(row["id"], to): {} for row, to in chats}, threading.Event()

    def write():
        for n in itertools.count():
            for row, to in chats:
                text = f"{to} #{n}"
                sent[row["id"], to][text] = accepted(company, row, to, text)
            if over.wait(0.3):
                return

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            yield sent
        finally:
            over.set()
            writing.result(60)


@contextlib.contextmanager
def standing(company, rows, target, admin, sim, owner, env):
    """(moves by state, a send under way of the one that drains): rows[state] has its move in that
    state, the one to be aborted still in pairing, and both providers are slow meanwhile."""
    moves = {"cleaning": begin(admin, rows["cleaning"], target)}
    with contextlib.ExitStack() as until_end:
        with held_in_pairing(owner, rows["draining"]):
            for state in ("pairing", "aborting"):
                until_end.enter_context(held_in_pairing(owner, rows[state]))
            for state in ("pairing", "aborting", "draining"):
                moves[state] = begin(admin, rows[state], target)
            wait_move(admin, rows["cleaning"], "cleaning")
            due(owner, rows["cleaning"], 3600)
            for state in ("pairing", "aborting", "draining"):
                wait_move(admin, rows[state], "pairing")
            until_end.enter_context(paused(env, "eventd"))  # no echo answers for a provider
            until_end.enter_context(broken(sim, company.provider["type"], "latency", value=SLOW_MS))
            slow = company.send(rows["draining"], to=chat(), content="Slow")
            company.wait_status(slow["id"], "processing")
        wait_until(lambda: due(owner, rows["draining"]) or
                   admin.get(move_path(rows["draining"]))["state"] == "draining", "the drain")
        due(owner, rows["draining"], 3600)
        until_end.enter_context(broken(sim, target["type"], "latency", value=SLOW_MS))
        moves["creating"] = begin(admin, rows["creating"], target)
        yield moves, slow


def ended(admin, owner, row):
    """Its move is over; the grace before the old session goes is not waited for."""
    if wait_move(admin, row, "cleaning", "done", "aborted", timeout=40)["state"] == "cleaning":
        due(owner, row)
    return wait_move(admin, row, "done", "aborted")["state"]


@pytest.mark.parametrize("name,kind", [("healthd", "waha"), ("gateway", "uazapi"),
                                       ("senderd", "waha")])
def test_a_daemon_killed_in_each_state(new_company, provider_of, admin, sim, env, owner, name, kind):
    """One kill, a move in each state: all end, and each message is at a provider once, in order."""
    company, daemon = new_company(kind), Daemon(env, f"{name}-1")
    rows = {state: company.instance() for state in STATES}
    with traffic(company, rows.values()) as sent:
        with standing(company, rows, provider_of(OTHER[kind]), admin, sim, owner, env) as found:
            moves, slow = found
            if name == "healthd":  # to die with all its calls under way
                wait_until(lambda: is_keyed(owner, rows["creating"]), "the webhook key")
            due(owner, rows["cleaning"])
            assert admin.request("DELETE", move_path(rows["aborting"])).status == 202
            if name == "healthd":
                wait_until(lambda: all(is_asking(owner, rows[s]) for s in
                                       ("creating", "cleaning", "aborting")), "the calls")
            else:
                assert company.message(slow["id"])["status"] == "processing"
            assert [admin.get(move_path(rows[s]))["state"] for s in STATES] == list(STATES)
            daemon.kill()
            daemon.restart()
        for row in rows.values():
            due(owner, row)
        for state, row in rows.items():
            assert ended(admin, owner, row) == ("aborted" if state == "aborting" else "done"), state
    for message in [slow["id"], *(m for messages in sent.values() for m in messages.values())]:
        company.wait_status(message, "sent", "delivered", "read", timeout=30)
    at_old, at_new = sim.sessions(kind), sim.sessions(OTHER[kind])
    for state, move in moves.items():
        took = sum(sent_by_either(sim, move, kind), [])
        own = {to: list(m) for (row, to), m in sent.items() if row == rows[state]["id"]}
        assert {to: [t for t in took if t.startswith(to)] for to in own} == own, state
        extra = ["Slow"] if state == "draining" else []
        assert all(own.values()) and sorted(took) == sorted(sum(own.values(), extra)), state
        left = at_old.count(move["from_session"]), at_new.count(move["to_session"])
        assert left == ((1, 0) if state == "aborting" else (0, 1)), state
