"""The whole path under sustained load: the highest rate at which nothing piles up, and what
a message then costs in each process.

A rate is sustained when the gateway answers what falls due (open loop) and the work that
waits in the database does not grow over the run, beyond what is always under way. The rate is searched upwards in steps,
then by halving; the one found is held for the counted run, lowered while it is not held.
"""

import json
import subprocess
import time

import benchlib
import cpu
from benchlib import BenchError
from full import HOOK, wait_for

LATENCY_MS = 20  # of the simulated provider
WARMUP_SECONDS = 1
STEP_SECONDS = max(2, benchlib.SECONDS)
STEP_UP = 1.5
HALVINGS = 3
BACK_OFF = 0.9
HOLDS = 6  # attempts of the counted run
SAMPLE_S = 0.5  # each sample reads what waits, at the cost of some messages
SERVED_MIN = 0.96  # of what fell due; the rest may be in flight at the end
GROWTH_MAX = 0.05  # waiting items per second, of the rate
IN_FLIGHT_S = 0.1  # work of this long is under way rather than piled up: its slope is jitter
DRAIN_SECONDS = 120

BACKLOG = """
    SELECT (SELECT count(*) FROM send_queue), (SELECT count(*) FROM inbound_queue),
           (SELECT count(*) FROM webhook_deliveries WHERE state = 0)
         + (SELECT count(*) FROM webhook_deliveries WHERE state = 1)"""
TOTALS = """
    SELECT (SELECT count(*) FROM messages WHERE direction = 0) AS messages,
           (SELECT count(*) FROM inbound_events) AS webhooks,
           (SELECT count(*) FROM events) AS events,
           (SELECT count(*) FROM webhook_deliveries) AS deliveries"""


class Run:
    """One stretch at one rate."""

    def __init__(self, rate, row, samples):
        self.rate, self.row, self.samples = rate, row, samples
        self.growth = _slope([(at, sum(counts)) for at, counts in samples])

    def is_growing(self):
        stages = len(self.samples[-1][1])
        waiting = max(sum(counts) for _, counts in self.samples)
        return self.growth > GROWTH_MAX * self.rate and waiting > stages * self.rate * IN_FLIGHT_S

    def is_sustained(self):
        return self.row["requests"] >= SERVED_MIN * self.row["due"] and not self.is_growing()

    def describe(self):
        waiting = self.samples[-1][1]
        print(f"  {self.rate:>6}/s  answered {self.row['rate']:.0f}/s  waiting {'/'.join(map(str, waiting))} "
              f"(send/inbound/delivery)  growth {self.growth:+.0f}/s  "
              f"{'sustained' if self.is_sustained() else 'not sustained'}", flush=True)


class Pipeline:
    """db: a connection for the backlog; load: growhub-bench against the tenant."""

    def __init__(self, directory, db, tenant, load):
        self.directory, self.db, self.tenant, self.load = directory, db, tenant, load

    def run(self, rate, seconds):
        """Hold a rate, see what piles up, wait until all is done."""
        argv = self.load.command(seconds, WARMUP_SECONDS, rate)
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        started, samples = time.monotonic(), []
        while child.poll() is None:
            at = time.monotonic() - started
            if at > WARMUP_SECONDS + 0.5:  # by then receipts are in full flow
                samples.append((at, self.backlog()))
            time.sleep(SAMPLE_S)
        out, err = child.communicate()
        if child.returncode != 0:
            raise BenchError(f"growhub-bench ended with {child.returncode}:\n{out}{err}")
        found = Run(rate, json.loads(out), samples[:-1])  # the last may be of after the load
        found.describe()
        self.drain()
        return found

    def backlog(self):
        return self.db.execute(BACKLOG).fetchone()

    def drain(self):
        wait_for(lambda: sum(self.backlog()) == 0, "the backlog to be worked off", DRAIN_SECONDS, 0.1)
        time.sleep(0.3)  # receipts of the last message are under way
        wait_for(lambda: sum(self.backlog()) == 0, "the backlog to be worked off", DRAIN_SECONDS, 0.1)

    def search(self, rate):
        """The highest sustained rate found; rate: where the search begins."""
        low, high = 0, None
        while high is None or (low == 0 and rate > 50):
            if self.run(rate, STEP_SECONDS).is_sustained():
                low, rate = rate, round(rate * STEP_UP)
            else:
                high, rate = rate, round(rate / STEP_UP)
        for _ in range(HALVINGS):
            rate = round((low * high) ** 0.5) if low else round(high / 2)
            if self.run(rate, STEP_SECONDS).is_sustained():
                low = rate
            else:
                high = rate
        if low == 0:
            raise BenchError(f"nothing is sustained, not even {high}/s")
        return low

    def measure(self, rate):
        """Hold the rate for the counted run; gives it with CPU and totals per message."""
        pids = cpu.processes(self.directory)
        for _ in range(HOLDS):
            before, used = self.totals(), cpu.seconds(pids)
            run = self.run(rate, benchlib.ROUNDS * benchlib.SECONDS)
            after, now = self.totals(), cpu.seconds(pids)
            if run.is_sustained():
                messages = after["messages"] - before["messages"]
                return {
                    "rate": run.row["rate"], "growth_per_s": round(run.growth, 1), "messages": messages,
                    "accept": run.row,
                    "cpu_us": {name: 1e6 * (now[name] - used[name]) / messages for name in now},
                    "per_message": {name: (after[name] - before[name]) / messages
                                    for name in after if name != "messages"}}
            rate = round(rate * BACK_OFF)
        raise BenchError(f"no rate was held for {benchlib.ROUNDS * benchlib.SECONDS} s")

    def totals(self):
        row = self.db.execute(TOTALS)
        names = [column.name for column in row.description]
        posts = self.tenant.sim.stats()["hooks"].get(HOOK, {}).get("posts", 0)
        return {**dict(zip(names, row.fetchone())), "endpoint posts": posts}

    def check(self):
        """Every accepted message was sent once; every post was signed well."""
        ledger = self.db.execute("SELECT accepted, sent, failed FROM growhub_ledger WHERE company_id = %s",
                                 [self.tenant.company]).fetchone()
        stats = self.tenant.sim.stats()
        session = stats["providers"]["waha"][self.tenant.session]
        hook = stats["hooks"].get(HOOK, {"bad_signatures": 0, "unsigned": 0})
        if not ledger[0] == ledger[1] == session["distinct"] or session["duplicates"] > 0:
            raise BenchError(f"accepted, sent, failed {ledger}; the provider saw {session}")
        if hook["bad_signatures"] or hook["unsigned"]:
            raise BenchError(f"the endpoint judged: {hook}")


NOT_OURS = ("load generator", "sim")  # what GrowHub's cost does not include


def own_cpu_us(cpu_us):
    return sum(us for name, us in cpu_us.items() if name not in NOT_OURS)


def report(result):
    """Print rate, life of a message and CPU per process."""
    print(f"sustained: {result['rate']:.0f} msg/s; work waiting grew by {result['growth_per_s']:+.0f}/s")
    print("each message: " + ", ".join(f"{count:.2f} {name}" for name, count in result["per_message"].items()))
    rows = sorted(result["cpu_us"].items(), key=lambda row: (row[0] in NOT_OURS, -row[1]))
    benchlib.table(["CPU per message", "us"], [
        *((name, f"{us:.0f}") for name, us in rows),
        ("all but load generator and sim", f"{own_cpu_us(result['cpu_us']):.0f}")])


def _slope(points):
    """Least squares, per second; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
