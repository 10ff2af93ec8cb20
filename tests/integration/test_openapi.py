"""GET /openapi.json and /docs: sound, complete, and nothing from elsewhere. That replies and posts to
webhooks keep the document's promises is looked at in every test of this folder (conftest.py)."""

import base64
import hashlib
import html.parser
import re

import pytest

from support import unique, wait_until
from test_tenants import ROUTES

TOKEN_KINDS = {"ADMIN": "superadmin", "COMPANY": "company", "INSTANCE": "instance",
               "ANYONE": None}

# growhub-api.md section 7.
GROWHUB_EVENTS = set("""
    on-message on-message-sent on-message-delivered on-message-read on-message-played
    on-message-failed on-message-in-doubt on-message-stalled on-connected on-disconnected on-qrcode
    on-group-join on-group-leave on-group-update on-presence-update on-poll-vote on-call on-reaction
    on-revoked on-edited on-instance-error webhook.test""".split())
STANDARD_EVENTS = set("""
    message.received message.queued message.sent message.delivered message.read message.played
    message.failed message.in_doubt message.stalled message.cancelled message.expired
    message.edited message.deleted message.reaction instance.connected instance.disconnected
    instance.qr instance.error instance.inbound_stalled group.joined group.left group.updated
    presence.updated poll.voted call.received contact.merged endpoint.disabled
    webhook.test""".split())

# contracts/uazapi.md section 10; the last is ours.
UAZAPI_EVENTS = {"messages", "messages_update", "connection", "groups", "presence", "call",
                 "webhook.test"}


def posts_of(company, sim, form):
    """(names, posts): what a webhook of that format hears of a short life."""
    hook = unique(form)
    instance = company.instance(webhooks=[])
    path = f"/api/instances/{instance['id']}/webhooks"
    row = company.api.post(path, {"url": sim.hook_url(hook), "events": ["*"], "format": form})
    sim.set_hook(hook, secret=row["secret"])
    company.api.post(f"{path}/{row['id']}/test", None)
    company.wait_status(company.send(instance)["id"], "read")
    sim.inbound(instance["external_instance_id"], "5511988887777", text="hello")
    name = {"growhub": "event", "standard": "type"}[form]
    wanted = {"growhub": {"on-message", "on-message-sent", "on-message-read", "webhook.test"},
              "standard": {"message.received", "message.queued", "message.sent", "message.read",
                           "webhook.test"}}[form]

    def all_posts():
        posts = sim.received(hook)
        return wanted <= {post["body"][name] for post in posts} and posts
    return wait_until(all_posts, "the posts")


@pytest.mark.parametrize("form", ["growhub", "standard"])
def test_posts_are_what_the_document_tells(document, company, sim, form):
    """The signature's headers too, and no header that is not told."""
    carried = {"host", "content-type", "content-length", "accept", "accept-encoding", "connection"}
    for post in posts_of(company, sim, form):
        assert document.post_problems(post["headers"], post["body"]) == []
        name = post["body"]["event" if form == "growhub" else "type"]
        told = document.root["webhooks"][f"{form}/{name}"]["post"]["parameters"]
        assert post["headers"].keys() - carried == {p["name"].lower() for p in told}


def test_every_event_is_told(document):
    """And nothing else: what has no name in the growhub format is not posted in it."""
    told = {form: {name.removeprefix(form + "/") for name in document.root["webhooks"]
                   if name.startswith(form + "/")} for form in ("growhub", "standard", "uazapi")}
    assert sum(map(len, told.values())) == len(document.root["webhooks"])
    assert told["standard"] == STANDARD_EVENTS
    assert told["uazapi"] == UAZAPI_EVENTS
    assert told["growhub"] == GROWHUB_EVENTS


@pytest.mark.parametrize("form, change, problem", [
    ("growhub", {"isgroup": "no"}, "isgroup: 'no' is not of type"),
    ("growhub", {"from": 1}, "from: 1 is not of type"),
    ("growhub", {"api_key": "x"}, "api_key is not documented"),
    ("growhub", {"webhook": "other"}, "'other' is none of"),
    ("growhub", {"event": "on-nothing"}, "growhub/on-nothing is not documented"),
    ("standard", {"timestamp": 1}, "timestamp: 1 is not of type"),
    ("standard", {"data": {"instance_id": 1}}, "data: company_id is missing"),
    ("standard", {"data": {"company_id": 1, "instance_id": 1, "from_me": 0}}, "from_me: 0 is not"),
])
def test_a_post_that_breaks_its_promise_is_seen(document, company, sim, form, change, problem):
    post = next(p for p in posts_of(company, sim, form)
                if "on-message" == p["body"].get("event")
                or p["body"].get("type") == "message.received")
    changed = {**post["body"], **change}
    assert problem in "".join(document.post_problems(post["headers"], changed))
    unsigned = {k: v for k, v in post["headers"].items() if k != "webhook-signature"}
    assert "no header webhook-signature" in "".join(
        document.post_problems(unsigned, post["body"]))


def test_the_document_is_sound(document):
    document.check()


def test_router_and_document_agree(document):
    """Both ways: each route is documented, each operation is routed, with the same token."""
    routed = {(method, path): TOKEN_KINDS[kind] for method, path, kind, _ in ROUTES}
    documented = {key: operation.get("x-token-kind")
                  for key, operation in document.operations.items()}
    assert documented == routed


def test_every_operation_can_be_called(api, document):
    """The running router knows each path under each documented method, and no other of them."""
    for path in document.root["paths"]:
        methods = {m.upper() for m in document.root["paths"][path]}
        reply = api.request("OPTIONS", re.sub(r"\{\w+\}", "1", path))
        assert reply.status == 204, path
        assert set(reply.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == methods, path


def test_bodies_are_those_that_are_checked(document):
    """Spot checks: bounds, words, nested tables and requirements come from the rules."""
    def body(method, path):
        operation = document.operations[method, path]
        return operation["requestBody"]["content"]["application/json"]["schema"]

    create = body("POST", "/api/admin/companies")
    assert create["required"] == ["name"]
    assert create["properties"]["status"]["enum"] == ["active", "inactive", "suspended"]
    assert create["properties"]["rate_per_minute"]["minimum"] == 1
    hooks = body("POST", "/api/instances")["properties"]["webhooks"]
    assert "url" in hooks["items"]["properties"]
    settings = body("PUT", "/api/instances/{id}")["properties"]["settings"]
    assert settings["properties"]["in_doubt_policy"]["enum"] == ["resend", "hold"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_copy_that_is_good_is_not_sent_again(api, path):
    first = api.request("GET", path)
    tag = first.headers["ETag"]
    assert first.status == 200 and re.fullmatch(r'"[0-9a-f]{32}"', tag)
    for known in (tag, f'"x", W/{tag}', "*"):
        again = api.request("GET", path, headers={"If-None-Match": known})
        assert (again.status, again.raw, again.headers["ETag"]) == (304, b"", tag)
    other = api.request("GET", path, headers={"If-None-Match": '"x"'})
    assert (other.status, other.raw) == (200, first.raw)


class Page(html.parser.HTMLParser):
    """What matters of the page: its anchors, its links, and whatever loads or runs something."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.styles, self.is_style = set(), set(), [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        if tag == "a":
            self.links.add(attrs["href"])
        if tag in ("script", "link", "img", "iframe", "object") or {"src", "style"} & attrs.keys():
            self.loads.append((tag, attrs))
        self.is_style = tag == "style"

    def handle_data(self, data):
        if self.is_style:
            self.styles.append(data)
            self.is_style = False


def test_the_page_shows_every_operation(api, document):
    reply = api.request("GET", "/docs")
    text = reply.raw.decode()
    page = Page(text)
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {operation["operationId"] for operation in document.operations.values()} <= page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}


def test_the_page_needs_nothing_from_elsewhere(api):
    reply = api.request("GET", "/docs")
    page = Page(reply.raw.decode())
    assert page.loads == [] and len(page.styles) == 1
    assert "url(" not in page.styles[0] and "@import" not in page.styles[0]
    digest = base64.b64encode(hashlib.sha256(page.styles[0].encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in
                  reply.headers["Content-Security-Policy"].split("; "))
    assert policy == {"default-src": "'none'", "style-src": f"'sha256-{digest}'",
                      "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("change, problem", [
    ({"id": "7"}, ".data.id: '7' is not of type integer"),
    ({"status": "asleep"}, "'asleep' is none of"),
    ({"created_at": "yesterday"}, "is no date-time"),
    ({"limits": {"rate_per_minute": 1}}, ".data.limits: rate_per_hour is missing"),
    ({"password": "x"}, ".data: password is not documented"),
])
def test_a_reply_that_breaks_its_promise_is_seen(admin, company, document, change, problem):
    """The judge of all other tests' replies is no rubber stamp."""
    path = f"/api/admin/companies/{company.id}"
    body = admin.request("GET", path).body

    def judged(**members):
        changed = {**body, "data": {**body["data"], **members}}
        return document.reply_problems("GET", path, 200, "application/json", changed)

    assert judged() == []
    assert problem in "".join(judged(**change)), judged(**change)


def test_an_error_that_is_not_promised_is_seen(document):
    error = {"success": False, "message": "", "errors": {}, "code": "conflict",
             "request_id": "0190a1b2-0000-7000-8000-000000000000"}
    assert document.reply_problems("GET", "/api/admin/me", 401, "application/json",
                                   {**error, "code": "unauthenticated"}) == []
    for status in (401, 409):
        assert document.reply_problems("GET", "/api/admin/me", status, "application/json", error)
