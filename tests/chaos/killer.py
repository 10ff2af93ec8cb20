"""Kills processes of the stack and starts them again, and knows which calls were in flight."""

import os
import random
import shutil
import subprocess
import sys
import threading
import time

import psycopg
from paths import REPO

STACK = os.path.join(REPO, "tests", "stack", "stack")
PROCESSING = 3  # enum send_state, model/send_queue.h
SERVERS = ("postgres", "rabbitmq")


class Killer:
    """in_flight: ids of the messages whose call may have been running at a kill."""

    def __init__(self, directory, names, database_url, seed):
        self.directory, self.names, self.database_url = directory, names, database_url
        self.random = random.Random(seed)
        self.in_flight, self.errors = set(), []
        self.thread = None

    # ---- one process

    def stack(self, *words):
        done = subprocess.run([STACK, words[0], self.directory, *words[1:]],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise AssertionError(f"stack {' '.join(words)}: {done.stderr.strip()}")

    def kill(self, *names):
        """kill -9, with the calls in flight noted before and, where possible, after."""
        self.note_in_flight()
        for name in names:
            self.stack("kill", name)
        self.note_in_flight()

    def restart(self, *names):
        for name in names:
            self.stack("restart", name)
        self.note_in_flight()

    def signal(self, name, word):
        self.stack("kill", name, word)

    def wipe_broker(self):
        """Kill the broker and take everything it knew."""
        self.kill("rabbitmq")
        data = os.path.join(self.directory, "rabbitmq")
        for entry in os.listdir(data):
            path = os.path.join(data, entry)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def note_in_flight(self):
        """A result that is stored between two looks made no duplicate: its row is fenced."""
        try:
            with psycopg.connect(self.database_url, autocommit=True, connect_timeout=2) as db:
                rows = db.execute("SELECT message_id FROM send_queue WHERE state = %s",
                                  (PROCESSING,)).fetchall()
        except psycopg.Error:
            return  # the database is the one that was killed: the look after its restart counts
        self.in_flight.update(str(row[0]) for row in rows)

    def name_of_worker(self, worker):
        """Timelines name a daemon by host and pid."""
        for name in self.names:
            with open(os.path.join(self.directory, "run", f"{name}.pid")) as f:
                if worker.endswith(f"-{f.read().strip()}"):
                    return name
        raise AssertionError(f"no process is the worker {worker}")

    def is_alive(self, name):
        status = subprocess.run([STACK, "status", self.directory], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True).stdout
        return not any(line.split()[:2] == [name, "dead"] for line in status.splitlines())

    # ---- many of them

    def start(self, count, gap=(0.3, 1.2), down=(0.0, 1.0)):
        """Kill `count` times in a thread of its own: each kind of process once, then any;
        a victim is dead for `down` seconds, and sometimes two die together."""
        plan = self.plan(count)
        print(f"kills: {' '.join('+'.join(victims) for victims in plan)}", file=sys.stderr)
        self.thread = threading.Thread(target=self._run, args=(plan, gap, down), daemon=True)
        self.thread.start()
        return self

    def plan(self, count):
        daemons = [name for name in self.names if name not in SERVERS]
        kinds = [self.random.choice([n for n in daemons if n.startswith(kind)])
                 for kind in sorted({n.rpartition("-")[0] for n in daemons})]
        plan = [[name] for name in SERVERS] + [[name] for name in kinds]
        self.random.shuffle(plan)
        while len(plan) < count:
            if self.random.random() < 0.1:
                plan.append([self.random.choice(SERVERS)])
            else:
                plan.append(self.random.sample(daemons, self.random.choice((1, 1, 1, 2))))
        return plan[:count]

    def _run(self, plan, gap, down):
        try:
            for victims in plan:
                time.sleep(self.random.uniform(*gap))
                self.kill(*victims)
                time.sleep(self.random.uniform(*down))
                self.restart(*victims)
        except AssertionError as e:
            self.errors.append(str(e))

    def join(self, seconds):
        if self.thread is None:
            return
        self.thread.join(seconds)
        if self.thread.is_alive():
            self.errors.append(f"the kills did not end within {seconds} s")
