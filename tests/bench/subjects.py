"""What several benchmarks measure: tenants, growhub-bench against a gateway, and pgbench as
the baseline of what PostgreSQL does one transaction at a time."""

import contextlib
import json
import re
import subprocess

import benchlib
from benchlib import BenchError

RATE_MAX = 2_000_000_000  # the quota must not be what is measured

# The columns of libcommon/model/accept.c. The id is a UUIDv7 as far as order and partition go,
# by the cheapest expression for it: growhub_uuid7_floor() made pgbench a fifth slower.
BASELINE = """\
\\set n random(0, 999)
BEGIN;
INSERT INTO messages (id, company_id, instance_id, direction, status, kind, priority, chat_key,
    to_requested, content, payload, media_url, reply_to, reference, traceparent, scheduled_at, expires_at)
VALUES (('0' || to_hex((date_part('epoch', clock_timestamp()) * 1000)::bigint) || '7'
         || right(gen_random_uuid()::text, 21))::uuid,
    {company}, {instance}, 0, 1, {kind}, {priority}, '5511' || (900000000 + :n * 1009) || {chat_suffix},
    '5511' || (900000000 + :n * 1009), {content}, NULL, NULL, NULL, NULL, {traceparent}, NULL,
    now() + interval '24 hours');
INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at, traceparent)
VALUES (1, 2, {company}, {instance}, now(), {traceparent});
COMMIT;
"""


class Tenant:
    """A company that may send without limit, and its connected instance: rows of our own
    making, since no provider runs here."""

    def __init__(self, db, name):
        self.company = self._one(db, """
            INSERT INTO companies (name, rate_per_minute, rate_per_hour)
            VALUES (%(name)s, %(rate)s, %(rate)s) RETURNING id""", name=name, rate=RATE_MAX)
        provider = self._one(db, """
            INSERT INTO providers (type, name, base_url)
            VALUES ('waha', %(name)s, 'http://127.0.0.1:9/') RETURNING id""", name=name)
        self.instance = self._one(db, """
            INSERT INTO instances (company_id, provider_id, instance_name, phone_number, status,
                                   external_instance_id)
            VALUES (%(company)s, %(provider)s, %(name)s, '5511900000000', 'connected', %(name)s)
            RETURNING id""", company=self.company, provider=provider, name=name)
        self.token = str(self._one(db, """
            WITH t AS (SELECT gen_random_uuid() AS token), kept AS (
                INSERT INTO tokens (token_hash, kind, company_id)
                SELECT sha256(token::text::bytea), 'company', %(company)s FROM t)
            SELECT token FROM t""", company=self.company))

    @staticmethod
    def _one(db, text, **values):
        return db.execute(text, values).fetchone()[0]


class Load:
    """Rounds of growhub-bench with fixed arguments; counts what was answered."""

    def __init__(self, *arguments, connections=benchlib.CONNECTIONS):
        self.argv = [benchlib.program("growhub-bench"), *arguments, "--json"]
        self.connections = connections
        self.answered = 0

    @classmethod
    def sends(cls, url, token, instance, **options):
        return cls("--url", url, "--token", token, "--instance", str(instance), **options)

    def command(self, seconds, warmup=0, rate=0):
        """rate: of the open loop; 0: closed loop."""
        argv = [*self.argv, "--connections", str(self.connections), "--seconds", str(seconds),
                "--warmup", str(warmup)]
        return [*argv, "--rate", str(rate)] if rate else argv

    def round(self, seconds=benchlib.SECONDS, warmup=0, rate=0):
        row = json.loads(benchlib.run(self.command(seconds, warmup, rate)))
        self.answered += row["requests"]
        return row

    @contextlib.contextmanager
    def arrivals(self, seconds, rate):
        """The open loop for so long, beside the block; leaving it waits for the end."""
        argv = self.command(seconds, 0, rate)
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
            yield
        if child.returncode != 0:
            raise BenchError(f"growhub-bench ended with {child.returncode}")


class Baseline:
    """Rounds of pgbench; the script's values are those of a message that the gateway stored."""

    def __init__(self, db, url, tenant, sample):
        message = db.execute("""
            SELECT kind, priority, chat_key, to_requested, content, traceparent FROM messages
            WHERE company_id = %s ORDER BY id DESC LIMIT 1""", [sample.company]).fetchone()
        kind, priority, chat_key, recipient, content, traceparent = message
        self.path = f"{benchlib.OUT}/baseline.pgbench"
        with open(self.path, "w") as f:
            f.write(BASELINE.format(
                company=tenant.company, instance=tenant.instance, kind=kind, priority=priority,
                chat_suffix=_literal(chat_key.removeprefix(recipient)), content=_literal(content),
                traceparent=_literal(traceparent)))
        self.argv = [benchlib.postgres_program("pgbench"), "-M", "prepared", "-n", "-c", str(benchlib.CONNECTIONS),
                     "-j", "2", "-f", self.path]
        self.url = url

    def round(self, seconds=benchlib.SECONDS):
        text = benchlib.run([*self.argv, "-T", str(seconds), self.url])
        failed = re.search(r"number of failed transactions: (\d+)", text)
        rate = re.search(r"^tps = ([\d.]+)", text, re.M)
        mean = re.search(r"^latency average = ([\d.]+) ms", text, re.M)
        if failed is None or failed[1] != "0" or rate is None or mean is None:
            raise BenchError(f"pgbench did not get through:\n{text}")
        return {"rate": float(rate[1]), "mean_us": round(1000 * float(mean[1]))}


def _literal(value):
    """An SQL literal that pgbench takes for no variable."""
    if value is None:
        return "NULL"
    if not re.fullmatch(r"[^'\\:\n]*", value):
        raise BenchError(f"cannot write {value!r} into a pgbench script")
    return f"'{value}'"


def check_ledger(db, tenant, accepted):
    """Every 201 must be in the database; more may be: warm-up, requests cut off at the end.
    One snapshot: what was cut off may be committing still."""
    stored, counted = db.execute("""
        SELECT (SELECT count(*) FROM messages WHERE company_id = %(id)s),
               (SELECT accepted FROM growhub_ledger WHERE company_id = %(id)s)""",
                                 {"id": tenant.company}).fetchone()
    if not accepted <= stored == counted:
        raise BenchError(f"{accepted} answers 201, but {stored} messages and {counted} in the ledger")


def report_against_baseline(what, rounds):
    """Print the table of "growhub" and "pgbench"; gives the ratio of their medians."""
    ours, base = rounds["growhub"], rounds["pgbench"]
    rates = {name: [row["rate"] for row in rows] for name, rows in rounds.items()}
    p = {key: benchlib.median([row[key] for row in ours]) / 1000 for key in ("p50_us", "p99_us")}
    mean = benchlib.median([row["mean_us"] for row in base]) / 1000
    print(f"{benchlib.CONNECTIONS} connections, {benchlib.ROUNDS} rounds of {benchlib.SECONDS} s, medians")
    benchlib.table(["", what, "spread %", "latency ms"], [
        ["growhub", f"{benchlib.median(rates['growhub']):.0f}", f"{benchlib.spread(rates['growhub']):.1f}",
         f"p50 {p['p50_us']:.1f} p99 {p['p99_us']:.1f}"],
        ["pgbench", f"{benchlib.median(rates['pgbench']):.0f}", f"{benchlib.spread(rates['pgbench']):.1f}",
         f"mean {mean:.1f}"]])
    return benchlib.median(rates["growhub"]) / benchlib.median(rates["pgbench"])
