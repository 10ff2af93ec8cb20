"""What the walk of the contract acts with and sees: a tenant with one of everything, and the traces
that a request leaves - calls to the provider, rows, events at the company's webhook."""

import functools
import hashlib
import hmac
import json
import re
import time
import urllib.parse

from support import Company, Sim, add_admin, unique, wait_until

NUMBER = "5511999990001"
# One pixel each, as the bytes of a file.
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
         "hgGAWjR9awAAAABJRU5ErkJggg==")
JPEG = "data:image/jpeg;base64,/9j/4CBwaWN0dXJl"

OWN = "company_id = %(company)s"
ENDPOINTS = f"endpoint_id IN (SELECT id FROM instance_webhooks WHERE {OWN})"
# {table: whose rows, columns that change by themselves}
WATCHED = {
    "admins": ("true", ["last_login"]),
    "admin_sessions": ("true", []),
    "companies": ("true", []),
    "providers": ("true", ["health_status", "health_detail", "last_check", "latency_ms",
                           "parked_until", "updated_at"]),
    "instances": (OWN, ["mend_tries", "mend_at", "may_reconnect"]),
    "instance_moves": (OWN, ["error", "tries", "next_at", "state_at"]),
    "tokens": ("true", ["last_used_at"]),
    "webhook_keys": (OWN, ["tell_at", "told_base"]),
    "instance_webhooks": (OWN, ["last_success_at", "updated_at"]),
    "webhook_secrets": (ENDPOINTS, []),
    "webhook_recoveries": (OWN, []),
    "messages": (OWN, []),
    "media": (OWN, []),
    "dead_letters": (OWN, ["copied_at"]),
    "idempotency_keys": (OWN, []),
}
UNDER_WAY = f"""
    SELECT (SELECT count(*) FROM send_queue WHERE {OWN} AND available_at < now() + interval '1 day')
         + (SELECT count(*) FROM inbound_queue WHERE {OWN})
         + (SELECT count(*) FROM webhook_deliveries WHERE {OWN} AND completed_at IS NULL)
         + (SELECT count(*) FROM instances WHERE {OWN} AND status IN ('creating', 'connecting'))
           AS n"""


# Afterwards the tenant is not what it was.
ENDING = re.compile(r"DELETE |(POST|PUT) .*/webhooks?(/\{wid\})?$|.*/(token|disconnect|restart|reset|connect"
                    r"|enable|move|qrcode|qrcode/image|change-password)$")


class World:
    """A tenant with one of everything, and the values that requests are filled with."""

    def __init__(self, env, admin, provider):
        self.env, self.admin, self.provider = env, admin, provider
        self.at = provider["type"]
        self.sim = Sim(env["GROWHUB_SIM_URL"])
        self.company = Company(admin, provider)
        self.instance = self.company.instance()
        self.session = self.instance["external_instance_id"]
        self.hook_name = unique("walk")
        self.path = f"/api/instances/{self.instance['id']}"
        self.hook = self.company.api.post(f"{self.path}/webhooks", {
            "url": self.sim.hook_url(self.hook_name), "events": ["*"], "format": "standard"})
        self.message = self.company.send(self.instance)
        self.company.wait_status(self.message["id"], "read")
        self.tokens = {"ADMIN": admin.token, "COMPANY": self.company.token,
                       "INSTANCE": self.instance["token"], "ANYONE": None}

    def api(self, kind):
        return self.admin.with_token(self.tokens[kind])

    def first(self, path, **wanted):
        """The id of the first row of a list of the company that has these members, once there."""
        return wait_until(lambda: [row for row in self.company.api.get(path)
                                   if row | wanted == row], f"a row of {path}")[0]["id"]

    def dead_letter(self):
        """The id of a message that the provider has just refused."""
        with self.sim.failing("status", 422, scope=self.at):
            message = self.company.send(self.instance)
            self.company.wait_status(message["id"], "failed")
        path = f"/api/admin/dlq/{message['id']}"
        wait_until(lambda: self.admin.request("GET", path).status == 200, "the dead letter")
        return message["id"]

    def scheduled(self):
        """The id of a message that waits for its time."""
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30 * 86400))
        return self.company.send(self.instance, scheduled_at=later)["id"]

    @functools.cached_property
    def group(self):
        return self.api("INSTANCE").post("/group/create", {
            "name": "Walk", "participants": [NUMBER]})["JID"]

    @functools.cached_property
    def community(self):
        """Of a provider that has them."""
        return self.api("INSTANCE").post("/community/create", {"name": "Walk"})["JID"]

    @functools.cached_property
    def invitation(self):
        link = self.api("INSTANCE").get(f"/group/invitelink/{self.group}")["inviteLink"]
        return link.rpartition("/")[2]

    def newest(self):
        """The type of the provider that was chosen for the newest instance."""
        row = max(self.company.api.get("/api/instances?limit=200"), key=lambda row: row["id"])
        return self.admin.get(f"/api/admin/providers/{row['provider_id']}")["type"]

    def unpair(self):
        """The phone has logged out: there is a code to scan."""
        if self.at == "waha":
            self.sim.session(self.session, is_paired=False, status="SCAN_QR_CODE")
        else:
            self.sim.session(self.session, provider=self.at, is_paired=False)
            self.wait_instance("disconnected")
            self.api("INSTANCE").post("/instance/connect", {})
        self.wait_instance("qr")

    def lose_session(self):
        """The provider forgets it, and tells nobody."""
        self.sim.forget(self.session, provider=self.at)

    def engine(self, word):
        """The provider runs this engine, and healthd has found out."""
        self.sim.engine(word)
        path = f"/api/admin/providers/{self.provider['id']}"
        wait_until(lambda: self.admin.get(path)["engine"] == word, f"engine {word}", 20)

    def wait_instance(self, status):
        wait_until(lambda: self.company.api.get(self.path)["status"] == status,
                   f"the instance to be {status}")

    def provider_webhook(self):
        """(path, secret) that the provider was told of; the secret is the key that signs, or the
        session's own."""
        told = [a for a in self.sim.actions(session=self.session)
                if a["action"] in ("session.create", "webhook.set")][0]["body"]
        if self.at == "waha":
            hook = told["config"]["webhooks"][0]
            url, secret = hook["url"], hook["hmac"]["key"]
        else:
            url, secret = told["url"], self.sim.session(self.session, provider=self.at)["token"]
        return urllib.parse.urlsplit(url).path, secret

    # ---- requests ----

    def ids(self, pattern):
        hooks = f"{self.path}/webhooks"
        own = {
            "/api/messages": {"id": lambda: self.message["id"]},
            "/api/events": {"id": lambda: self.first("/api/events")},
            "/api/instances": {"id": lambda: self.instance["id"], "wid": lambda: self.hook["id"],
                               "did": lambda: self.first(f"{hooks}/{self.hook['id']}/deliveries",
                                                         status="delivered")},
            "/webhook": {"provider": lambda: self.at,
                         "key": lambda: self.provider_webhook()[0].rpartition("/")[2]},
            "/group": {"jid": lambda: self.group},
            "/api/admin/companies": {"id": lambda: self.company.id},
            "/api/admin/dlq": {"id": self.dead_letter},
            "/api/admin/providers": {"id": lambda: self.provider["id"]},
            "/api/admin/instances": {
                "id": lambda: self.instance["id"],
                "providerId": lambda: self.provider["id"],
                "externalInstanceId": lambda: self.session},
        }
        return next((ids for prefix, ids in own.items() if pattern.startswith(prefix)), {})

    def fill(self, pattern):
        """The path of own objects."""
        ids = self.ids(pattern)
        return re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(
            str(ids[m[1]]() if m[1] in ids else "120363000000000001@g.us")), pattern)

    def body(self, document, route):
        """The example of the documentation with own values; None: takes no body."""
        method, pattern, _, flags = route
        if not re.search(r"GW_JSON\b", flags):
            return b"{}" if "GW_RAW" in flags else None
        operation = document.operations[method, pattern]
        content = operation["requestBody"]["content"]["application/json"]
        own = {"instance_id": self.instance["id"], "number": NUMBER, "to": NUMBER, "phone": NUMBER,
               "file": PIXEL, "image": JPEG, "url": self.hook["url"],
               "base_url": self.provider["base_url"], "groupjid": "", "inviteCode": "",
               "email": self.env["GROWHUB_SUPERADMIN_EMAIL"]}
        if pattern == "/instance/updateAdminFields":
            own["id"] = str(self.instance["id"])
        if pattern == "/api/admin/login":
            own["password"] = self.env["GROWHUB_SUPERADMIN_PASSWORD"]
        if pattern.startswith("/message/"):
            own |= {"id": self.message["id"], "messageId": self.message["id"]}
            own |= {"id": [own["id"]]} if pattern.endswith("/markread") else {}
        if pattern.startswith("/group/"):
            own |= {"groupjid": self.group, "inviteCode": self.invitation}
        if pattern.startswith("/community/") and self.at == "uazapi":
            own |= {"community": self.community, "groupjids": [self.group]}
        body = dict(content.get("example", {}))
        body.update({name: own[name] for name in body.keys() & own.keys()})
        for one in body.get("messages", ()):
            one |= {"instance_id": self.instance["id"], "phone_to": NUMBER}
        if pattern == "/message/download":
            body["id"] = {"waha": "false_5511900000002@c.us_3AF11E00000000000001",
                          "uazapi": "5511900000001:3AF11E00000000000001"}[self.at]
        if (method, pattern) == ("POST", "/api/instances"):
            body["provider_id"] = self.provider["id"]  # one whose health nobody has asked yet
        for name in body.keys() & {"name", "instance_name"}:
            body[name] = unique("walk")
        return body

    def request(self, route, path=None, body=None, headers=None):
        return self.api(route[2]).request(route[0], path or self.fill(route[1]), body, headers)


class Traces:
    """What is left by all that happens from here on."""

    def __init__(self, world, db):
        self.world, self.db, self.sim = world, db, world.sim
        self._wait_quiet()
        self.rows = self._snapshot()
        self.call_n = max([a["n"] for a in self.sim.actions()], default=0)
        self.sent_n = max([m["n"] for m in self._messages()], default=0)
        self.post_n = max([p["n"] for p in self.sim.received(world.hook_name)], default=0)

    def _wait_quiet(self):
        """Nothing of the tenant is under way, so that all that comes is of the request."""
        own = {"company": self.world.company.id}
        wait_until(lambda: self.db.execute(UNDER_WAY, own).fetchone()["n"] == 0,
                   "the tenant to be quiet")

    def _snapshot(self):
        found = {}
        for table, (scope, noise) in WATCHED.items():
            row = self.db.execute(
                f"SELECT md5(string_agg(r, '' ORDER BY r)) AS state FROM (SELECT "
                f"(to_jsonb(t) - %(noise)s::text[])::text AS r FROM {table} t WHERE {scope}) AS x",
                {"company": self.world.company.id, "noise": noise}).fetchone()
            found[table] = row["state"]
        return found

    def tables(self):
        """Tables with rows that were added, changed or removed."""
        now = self._snapshot()
        return {table for table, state in now.items() if state != self.rows[table]}

    def _messages(self, since=0):
        return self.sim.messages(self.world.session, provider=self.world.at, since=since)

    def calls(self):
        """What the provider took: names of /_sim/actions, and send:KIND."""
        prefix = f"{self.world.company.id}-"
        return {a["action"] for a in self.sim.actions(since=self.call_n)
                if (a["session"] or a.get("body", {}).get("name", "")).startswith(prefix)} | {
                    f"send:{m['kind']}" for m in self._messages(since=self.sent_n)}

    def events(self):
        """Types of the events that the company's webhook got."""
        return {post["body"]["type"] for post in self.sim.received(self.world.hook_name,
                                                                   since=self.post_n)}


# ---- routes that need something first ----

def _change_password(w):
    email, password = add_admin(w.env)
    session = w.admin.login(email, password)
    return {"token": session.token,
            "body": {"current_password": password, "new_password": password + "2"}}


def _provider_posts(w):
    path, secret = w.provider_webhook()
    bare = f"3A{time.time_ns():018X}"
    if w.at == "uazapi":
        return {"path": path, "body": json.dumps({
            "EventType": "messages", "instanceName": w.session, "owner": "5511900000001",
            "token": secret, "chat": {}, "message": {
                "id": f"5511900000001:{bare}", "messageid": bare,
                "chatid": "5511900000002@s.whatsapp.net",
                "sender_pn": "5511900000002@s.whatsapp.net", "fromMe": False, "isGroup": False,
                "messageType": "Conversation", "text": "hello", "content": "hello",
                "messageTimestamp": time.time_ns() // 1_000_000, "wasSentByApi": False}}).encode()}
    body = json.dumps({
        "event": "message", "session": w.session, "engine": "GOWS", "payload": {
            "id": f"false_5511900000002@c.us_{bare}", "from": "5511900000002@c.us",
            "timestamp": int(time.time()), "fromMe": False, "source": "app", "body": "hello",
            "hasMedia": False, "ack": 2}}).encode()
    return {"path": path, "body": body, "headers": {
        "X-Webhook-Hmac": hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()}}


def _spare_provider(w):
    row = w.admin.post("/api/admin/providers", {
        "type": w.at, "name": unique("spare"), "base_url": w.provider["base_url"]})
    return {"path": f"/api/admin/providers/{row['id']}"}


def _healthy(w):
    """There is a provider to choose."""
    wait_until(lambda: any(p["is_active"] and p["health_status"] == "healthy"
                           for p in w.admin.get("/api/admin/providers?limit=200")),
               "a provider known as healthy", 20)
    return {}


def _fresh_message(w):
    """One that nobody has deleted."""
    w.message = w.company.send(w.instance)
    w.company.wait_status(w.message["id"], "read")
    return {}


def _scheduled(w):
    w.scheduled()
    return {}


def _dead_letter(w):
    w.dead_letter()
    return {"body": {"company_id": w.company.id}}


def _contact(w):
    """Whom the example of the documentation removes."""
    w.api("INSTANCE").post("/contact/add", {"phone": "5511999990001", "name": "Maria"})
    return {}


def _disabled_webhook(w):
    path = f"{w.path}/webhooks/{w.hook['id']}/deliveries"
    wait_until(lambda: all(d["status"] == "delivered" for d in w.company.api.get(path)),
               "all posts to be made")
    w.company.api.put(f"{w.path}/webhooks/{w.hook['id']}", {"is_active": False})
    return {}


def _disconnected(w):
    w.api("INSTANCE").post("/instance/disconnect", None)
    w.wait_instance("disconnected")
    return {}


def _silent_provider(w):
    row = w.admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("silent"), "base_url": "http://127.0.0.1:9"})
    return {"body": {"provider_id": row["id"]}}


def _moving(w):
    """To a provider that does not answer."""
    path = w.fill("/api/admin/instances/{id}/move")
    w.admin.post(path, _silent_provider(w)["body"])
    wait_until(lambda: w.admin.get(path)["error"], "the first try", 20)
    return {}


def _unpaired(w):
    w.unpair()
    return {}


def _on(engine):
    def choose(w):
        if w.at == "waha":  # the other has but one
            w.engine(engine)
        return {}
    return choose


# {route: what is done first; what it returns replaces parts of the request}
FIRST = {
    "POST /api/admin/change-password": _change_password,
    "POST /webhook/{provider}/{key}": _provider_posts,
    "DELETE /api/admin/providers/{id}": _spare_provider,
    "DELETE /api/admin/companies/{id}": _scheduled,
    "POST /api/admin/instances/{id}/move": _silent_provider,
    "GET /api/admin/instances/{id}/move": _moving,
    "DELETE /api/admin/instances/{id}/move": _moving,
    "POST /api/admin/dlq/replay": _dead_letter,
    "DELETE /api/messages/{id}": lambda w: {"path": f"/api/messages/{w.scheduled()}"},
    "POST /api/instances/{id}/webhooks/{wid}/enable": _disabled_webhook,
    "POST /instance/connect": _disconnected,
    "POST /instance/create": _healthy,
    "POST /instance/init": _healthy,
    "GET /instance/qrcode": _unpaired,
    "GET /instance/qrcode/image": _unpaired,
    "GET /api/instances/{id}/qrcode": _unpaired,
    "POST /message/edit": _fresh_message,
    "POST /message/forward": _on("NOWEB"),
    "POST /contact/remove": _contact,
    "POST /contact/block": _on("WEBJS"),
    "POST /contact/unblock": _on("WEBJS"),
    "POST /chat/block": _on("WEBJS"),
}
