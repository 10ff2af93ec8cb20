"""The verdict, from outside only: the API, the simulator's books, the views of HARNESS.md.

settle() waits, bounded, until nothing is under way; verdict() then collects every
broken promise and fails with all of them at once.

Each message is judged by what its provider promises. WAHA takes a repeated reference for the same
message, so a resend costs nothing but a call. UAZAPI does not (contracts/uazapi.md section 13.13):
there a message may arrive twice only if the first copy reached the provider after the look-up that
did not find it. UAZAPI posts a receipt three times; those it gave up are nobody's to hear of.
"""

import collections
import concurrent.futures
import datetime
import http.client
import json
import re
import threading
import time
import urllib.parse

import psycopg
import psycopg.rows

DONE = ("sent", "delivered", "read", "played")
NUMBER = re.compile(r"^\S+ c(\d+) #(\d+)$")
SHOWN = 8  # problems of one kind in the report
READERS = 8
# What is under way for the companies of a scenario; every count must become 0.
OPEN_SQL = """
SELECT 'sends' AS what, count(*) AS n FROM send_queue WHERE company_id = ANY(%(companies)s)
UNION ALL
SELECT 'inbound', count(*) FROM inbound_queue WHERE company_id = ANY(%(companies)s)
UNION ALL
SELECT 'deliveries', count(*) FROM webhook_deliveries
WHERE company_id = ANY(%(companies)s) AND state IN (0, 1)
UNION ALL
SELECT 'hints', count(*) FROM outbox_messages
WHERE company_id = ANY(%(companies)s) AND available_at <= now() + interval '1 s'
"""


def milliseconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


class Judge:
    def __init__(self, world, env):
        self.world, self.env = world, env
        self.problems = collections.defaultdict(list)

    # ---- looking

    def rows(self, sql, **parameters):
        with psycopg.connect(self.env["GROWHUB_DATABASE_URL"], autocommit=True,
                             row_factory=psycopg.rows.dict_row) as db:
            return db.execute(sql, parameters).fetchall()

    def open(self):
        """{"sends": 3, ...}: what is still under way."""
        rows = self.rows(OPEN_SQL, companies=self.world.company_ids())
        return {row["what"]: row["n"] for row in rows if row["n"]}

    def stranded(self):
        """Rows of this scenario without a carrier."""
        return [row for row in self.rows("SELECT * FROM growhub_stranded")
                if row["kind"] == "delivery" or row["target_id"] in self.world.instance_ids()]

    def settle(self, seconds, sent=()):
        """Until nothing is under way and every message is delivered and read: a receipt that was
        refused waits for the provider's own repetition, the delivered one perhaps behind the
        read one. Returns how long that took."""
        started = time.monotonic()
        unread = [s.id for s in sent] if len(self.world.EVENTS) > 1 else []
        while time.monotonic() - started < seconds:
            left = self.open()
            if not left:
                unread = self.awaited(unread)
                if not unread and not self.open():
                    return time.monotonic() - started
            time.sleep(0.1)
        self.problems["not settled"].append(
            f"after {seconds} s under way: {self.open()}, unread: {len(unread)} {unread[:3]}")
        return time.monotonic() - started

    def awaited(self, ids):
        """Those of these messages of which a receipt is still to come."""
        rows = self.rows(
            "SELECT id, external_id, array_remove(ARRAY["
            " CASE WHEN delivered_at IS NULL THEN 'on-message-delivered' END,"
            " CASE WHEN read_at IS NULL THEN 'on-message-read' END], NULL) AS events FROM messages"
            " WHERE id = ANY(%(ids)s::uuid[]) AND (read_at IS NULL OR delivered_at IS NULL)", ids=ids)
        lost = self.world.given_up() if rows else ()
        return [row["id"] for row in rows
                if any((row["external_id"], event) not in lost for event in row["events"])]

    def messages(self, sent):
        """{id: the API's row with its timeline}, read over a few connections."""
        url = urllib.parse.urlsplit(self.env["GROWHUB_URL"])
        local = threading.local()

        def read(s):
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
            local.connection.request("GET", f"/api/messages/{s.id}?timeline=1",
                                     headers={"Authorization": f"Bearer {s.chat.company.token}"})
            answer = local.connection.getresponse()
            body = json.loads(answer.read())
            return s.id, body["data"] if answer.status == 200 else None

        with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
            return dict(pool.map(read, sent))

    def count_in_doubt(self, sent):
        """How many messages ever were in doubt."""
        return sum(any(step["status"] == "in_doubt" for step in row["timeline"])
                   for row in self.messages(sent).values())

    # ---- judging

    def verdict(self, driver, killer=None):
        """Every promise of DESIGN.md section 1 that a client can check."""
        self.problems["load"] += driver.errors
        self.problems["kills"] += killer.errors if killer else []
        rows = self.messages(driver.sent)
        arrived = self.world.received()
        self.check_nothing_lost(driver.sent, rows, arrived)
        self.check_order(arrived)
        self.check_duplicates(driver.sent, rows, arrived, killer)
        self.check_fencing(rows)
        self.check_events(driver.sent, rows)
        self.check_books(len(driver.sent))
        self.report()

    def report(self):
        lines = [f"{kind} ({len(found)}): {line}" for kind, found in self.problems.items()
                 for line in found[:SHOWN]]
        assert not lines, "\n".join(["", *lines])

    def check_nothing_lost(self, sent, rows, arrived):
        texts = {m["text"] for m in arrived}
        for s in sent:
            row = rows[s.id]
            if row is None:
                self.problems["lost by the API"].append(f"{s.id} {s.text}")
            elif row["status"] not in DONE or row["content"] != s.text:
                self.problems["not sent"].append(f"{s.id} {s.text}: {row['status']} {row['error_code']}")
            if s.text not in texts:
                self.problems["never reached the provider"].append(f"{s.id} {s.text}")
        for text in texts - {s.text for s in sent}:
            self.problems["sent though never accepted"].append(text)

    def check_nothing_forged(self, text):
        """Nobody is told what no provider said."""
        for row in self.rows("SELECT id, instance_id FROM messages WHERE content = %(text)s"
                             " AND company_id = ANY(%(companies)s)", text=text,
                             companies=self.world.company_ids()):
            self.problems["forged"].append(f"instance {row['instance_id']}: {row['id']}")

    def check_order(self, arrived):
        """First arrivals only: a resend of the head may come while its chat waits for it."""
        last, seen = {}, set()
        for m in arrived:
            chat, n = map(int, NUMBER.match(m["text"]).groups())
            if (chat, n) in seen:
                continue
            seen.add((chat, n))
            if n != last.get(chat, 0) + 1:
                self.problems["order"].append(f"{m['text']} after #{last.get(chat, 0)}")
            last[chat] = n

    def check_duplicates(self, sent, rows, arrived, killer):
        """No more than the calls in flight at the kills, and each confessed in its timeline."""
        copies = collections.defaultdict(list)
        for m in arrived:
            copies[m["text"]].append(m["at_ms"])
        repeated = [s for s in sent if len(copies[s.text]) > 1]
        extra = sum(len(copies[s.text]) - 1 for s in repeated)
        for s in repeated:
            timeline = rows[s.id]["timeline"] if rows[s.id] else []
            statuses = [step["status"] for step in timeline]
            if statuses.count("in_doubt") < len(copies[s.text]) - 1:
                self.problems["duplicates not marked"].append(
                    f"{s.text}: {len(copies[s.text])} copies, {statuses}")
            if s.chat.at == "uazapi":
                self.check_look_ups(s, timeline, copies[s.text])
        if killer is not None and extra > len(killer.in_flight):
            self.problems["duplicates"].append(
                f"{extra} for {len(killer.in_flight)} calls in flight at the kills")

    def check_look_ups(self, s, timeline, copies):
        """copies: when they arrived, in ms. A second one is sent when the look-up of its claim did
        not find the first: which was not there yet."""
        looks = [milliseconds(step["at"]) for step in timeline
                 if step["status"] == "processing" and step.get("reason") == "in_doubt_wait_over"]
        for first, second in zip(copies, copies[1:]):
            look = max((at for at in looks if at <= second), default=None)
            if look is None or first < look:
                self.problems["sent again though a look-up would have found it"].append(
                    f"{s.text}: copies at {copies}, looked up at {looks}")

    def check_fencing(self, rows):
        """A result belongs to the newest attempt: what an older one says comes too late. A
        receipt (attempt 0) speaks of the message, whichever attempt brought it there."""
        for row in filter(None, rows.values()):
            claimed = 0
            for step in row["timeline"]:
                if step["status"] == "processing":
                    claimed = step["attempt"]
                elif step["from"] in ("processing", "in_doubt") and step["attempt"] not in (0, claimed):
                    self.problems["not fenced"].append(
                        f"{row['id']}: {step['status']} of attempt {step['attempt']} after {claimed}")

    def check_events(self, sent, rows):
        """Each event at least once at the endpoint, with one webhook-id however often. A
        message that was resent may have been delivered twice: two facts, two ids."""
        by_instance, lost = collections.defaultdict(list), self.world.given_up()
        for s in sent:
            by_instance[s.chat.instance["id"]].append(s)
        for endpoint in self.world.endpoints:
            heard = self.heard(endpoint)
            for s in by_instance[endpoint.instance["id"]]:
                row = rows[s.id] or {"timeline": [], "external_id": None}
                timeline = row["timeline"]
                is_doubtful = any(step["status"] == "in_doubt" for step in timeline)
                for event in self.world.EVENTS:
                    ids = heard.get((s.id, event), ())
                    if not ids and (row["external_id"], event) not in lost:
                        self.problems["events not heard"].append(f"{s.text} {event}")
                    elif len(ids) > 1 and not is_doubtful:
                        self.problems["webhook-id not stable"].append(f"{s.text} {event}: {ids}")
            stats = self.world.sim.stats()["hooks"].get(endpoint.hook, {})
            if stats.get("bad_signatures") or stats.get("unsigned"):
                self.problems["signatures"].append(f"{endpoint.hook}: {stats}")

    def heard(self, endpoint):
        """{(message id, event): {webhook-id}}"""
        found, since = collections.defaultdict(set), 0
        while page := self.world.sim.received(endpoint.hook, since):
            for post in page:
                body = post["body"]
                found[(body.get("id"), body.get("event"))].add(post["headers"].get("webhook-id"))
            since = page[-1]["n"]
        return found

    def check_books(self, accepted):
        """The ledger balances with what the driver counted; no row without a carrier."""
        rows = self.rows("SELECT * FROM growhub_ledger WHERE company_id = ANY(%(companies)s)",
                         companies=self.world.company_ids())
        if sum(row["accepted"] for row in rows) != accepted:
            self.problems["ledger"].append(f"{accepted} accepted by the driver; {rows}")
        for row in rows:
            if row["accepted"] != row["sent"] + row["failed"] + row["cancelled"] + row["pending"]:
                self.problems["ledger"].append(str(row))
        self.problems["stranded"] += map(str, self.stranded())
