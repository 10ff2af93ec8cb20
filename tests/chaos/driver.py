"""The load: many senders over HTTP that remember every message the gateway accepted.

Chats are independent; within a chat a message is sent only after the one before it
was accepted, so that the order of acceptance is known. A request that was refused
or whose answer never came is repeated with the same Idempotency-Key until it is
accepted: that is what clients are told to do. Now and then one asks again although
it was answered, as a client does whose answer got lost: the message must be the same.
"""

import http.client
import json
import queue
import random
import threading
import time
import urllib.parse

ANSWER_SECONDS = 10
REPEAT_EVERY = 20
GIVE_UP_SECONDS = 120  # for one message, all its repetitions together


class Sent:
    """One accepted message."""

    def __init__(self, chat, n, message_id, at, took):
        self.chat, self.n, self.id, self.at, self.took = chat, n, message_id, at, took
        self.text = chat.text(n)


class Sender(threading.Thread):
    """A connection of its own; takes a chat, sends its next message, puts the chat back."""

    def __init__(self, driver, seed):
        super().__init__(daemon=True)
        self.driver, self.random = driver, random.Random(seed)
        self.connection = None

    def run(self):
        while not self.driver.is_stopped.is_set():
            try:
                chat, n = self.driver.todo.get_nowait()
            except queue.Empty:
                return
            self.driver.pace()
            self.send(chat, n)
        self.close()

    def send(self, chat, n):
        key = f"{self.driver.salt}-{chat.number}-{n}"
        body = json.dumps({"instance_id": chat.instance["id"], "phone_to": chat.phone,
                           "content": chat.text(n)}).encode()
        headers = {"Authorization": f"Bearer {chat.company.token}", "Idempotency-Key": key,
                   "Content-Type": "application/json"}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline and not self.driver.is_stopped.is_set():
            started = time.monotonic()
            status, answer, wait = self.post(body, headers)
            if status == 201:
                took = time.monotonic() - started
                if (chat.number + n) % REPEAT_EVERY == 0:
                    self.repeat(answer["data"]["id"], body, headers)
                self.driver.accept(Sent(chat, n, answer["data"]["id"], started, took))
                return
            if status in (409, 429) or status >= 500 or status == 0:
                self.driver.count_refused(status)
                time.sleep(wait)
                continue
            self.driver.errors.append(f"{chat.text(n)}: {status} {answer}")
            return
        self.driver.errors.append(f"{chat.text(n)}: not accepted within {GIVE_UP_SECONDS} s")

    def repeat(self, message_id, body, headers):
        status, answer, _ = self.post(body, headers)
        if status == 201 and answer["data"]["id"] != message_id:
            self.driver.errors.append(f"one Idempotency-Key, two messages: {message_id}, "
                                      f"{answer['data']['id']}")

    def post(self, body, headers):
        """(status, parsed body, seconds to wait before a repetition); status 0: no answer."""
        try:
            if self.connection is None:
                url = urllib.parse.urlsplit(self.random.choice(self.driver.urls))
                self.connection = http.client.HTTPConnection(url.hostname, url.port,
                                                             timeout=ANSWER_SECONDS)
            self.connection.request("POST", "/api/messages/send", body, headers)
            answer = self.connection.getresponse()
            raw = answer.read()
            if answer.will_close:
                self.close()
            return answer.status, json.loads(raw), min(float(answer.getheader("Retry-After", 0.1)), 1)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return 0, None, 0.05

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Driver:
    """Sends per_chat messages to each chat, rate per second (0: as fast as it goes)."""

    def __init__(self, world, urls, per_chat, rate=0, senders=24, seed=1):
        self.world, self.urls, self.per_chat, self.rate = world, urls, per_chat, rate
        self.salt = f"{time.time_ns()}"
        self.todo = queue.Queue()
        self.sent, self.errors, self.refused = [], [], {}
        self.is_stopped = threading.Event()
        self.lock = threading.Lock()
        self.next_at = time.monotonic()
        chats = list(world.chats)
        random.Random(seed).shuffle(chats)
        for chat in chats:
            self.todo.put((chat, 1))
        self.senders = [Sender(self, f"{seed}-{i}") for i in range(min(senders, len(chats)))]

    def start(self):
        for sender in self.senders:
            sender.start()
        return self

    def is_running(self):
        return any(sender.is_alive() for sender in self.senders)

    def join(self, seconds):
        """Wait for the end of the load; a load that hangs is an error."""
        deadline = time.monotonic() + seconds
        for sender in self.senders:
            sender.join(max(0, deadline - time.monotonic()))
        if self.is_running():
            self.is_stopped.set()
            self.errors.append(f"the load did not end within {seconds} s")
        return self

    def pace(self):
        if self.rate == 0:
            return
        with self.lock:
            self.next_at = max(self.next_at, time.monotonic() - 1) + 1 / self.rate
            wait = self.next_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)

    def accept(self, sent):
        with self.lock:
            self.sent.append(sent)
        if sent.n < self.per_chat:
            self.todo.put((sent.chat, sent.n + 1))

    def count_refused(self, status):
        with self.lock:
            self.refused[status] = self.refused.get(status, 0) + 1
