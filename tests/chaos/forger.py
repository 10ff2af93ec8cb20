"""Somebody who knows the address of a webhook, and neither the key that signs nor the token that
proves: posts bodies that would be taken if they were the provider's."""

import http.client
import json
import threading
import time
import urllib.parse

GAP_SECONDS = 0.05


class Forger:
    """errors: what was answered though it should have been refused."""

    TEXT = "forged"

    def __init__(self, world, sim):
        self.targets = [self._target(sim, *place) for place in world.places]
        self.errors, self.refused = [], 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _target(self, sim, _, instance, kind):
        session = instance["external_instance_id"]
        made = next(a["body"] for a in sim.actions(session=session)
                    if a["action"] in ("session.create", "webhook.set"))
        url = made["url"] if kind == "uazapi" else made["config"]["webhooks"][0]["url"]
        return urllib.parse.urlsplit(url), self._body(kind, session)

    def _body(self, kind, session):
        """Of a message from a stranger; UAZAPI's with a token that is none."""
        if kind == "waha":
            return json.dumps({"event": "message", "session": session, "engine": "GOWS", "payload": {
                "id": "false_5511900000009@c.us_3AF0F0F0F0F0F0F0F0F0", "from": "5511900000009@c.us",
                "timestamp": 1791000000, "fromMe": False, "source": "app", "body": self.TEXT,
                "hasMedia": False, "ack": 2}})
        return json.dumps({
            "EventType": "messages", "instanceName": session, "owner": "5511900000001",
            "token": "00000000-0000-4000-8000-000000000000", "message": {
                "id": "5511900000001:3AF0F0F0F0F0F0F0F0F0", "messageid": "3AF0F0F0F0F0F0F0F0F0",
                "chatid": "5511900000009@s.whatsapp.net", "messageType": "Conversation",
                "sender_pn": "5511900000009@s.whatsapp.net", "fromMe": False, "isGroup": False,
                "text": self.TEXT, "content": self.TEXT, "messageTimestamp": 1791000000000}})

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.is_over.set()
        self.thread.join(10)
        if self.refused == 0:
            self.errors.append("no forged body was refused: nothing was tried")
        return self

    def _run(self):
        n = 0
        while not self.is_over.is_set():
            url, body = self.targets[n % len(self.targets)]
            n += 1
            try:
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
                connection.request("POST", url.path, body, {"Content-Type": "application/json"})
                status = connection.getresponse().status
                connection.close()
            except (OSError, http.client.HTTPException):
                continue  # the gateway is the one that was killed
            if status < 300:
                self.errors.append(f"{url.path}: {status} for {body[:60]}")
            self.refused += status in (401, 429)
            time.sleep(GAP_SECONDS)
