"""Files given as URLs: what is wrong with the file or its host ends the message, never the chat."""

import socket
import urllib.parse

import pytest

from sends import CHAT, DOCUMENT, IMAGE, TEXT, accept, received
from support import unique, wait_until

PICTURE = {"file": {"mime_type": "image/jpeg", "name": "a.jpg"}}
TRIES_MAX = 4  # sending.max_attempts


@pytest.fixture
def file_url(env):
    """file_url(name, **what): a file of the simulator's (tests/sim/files.c)."""
    def make(name, **what):
        query = urllib.parse.urlencode({"type": "image/jpeg", **what})
        return f"{env['GROWHUB_SIM_URL']}/files/{name}?{query}"
    return make


@pytest.fixture
def picture(owner, instance):
    """picture(url): an image, and a text behind it in the same chat; their ids."""
    def send(url, **more):
        first = accept(owner, instance, IMAGE, "Look", PICTURE, media_url=url, **more)
        return first, accept(owner, instance, TEXT, "Behind")
    return send


def requests(sim, name):
    return sim.stats()["files"].get(name, 0)


def test_a_file_for_many_is_asked_for_once_by_each_sender(company, instance, owner, sim, env,
                                                          file_url):
    name = unique("file")
    senders = sum(w.startswith("senderd") for w in env["GROWHUB_ADMIN_URLS"].split())
    for n in range(12):
        accept(owner, instance, IMAGE, None, PICTURE, media_url=file_url(name),
               chat=f"55119{n:08}@c.us")
    assert {m["detail"]["url"] for m in received(sim, instance, 12)} == {file_url(name)}
    assert 1 <= requests(sim, name) <= senders


@pytest.mark.parametrize("what,code", [
    ({"status": 404}, "media_not_found"), ({"status": 410}, "media_not_found"),
    ({"status": 403}, "media_refused"), ({"status": 416}, "media_refused"),
    ({"size": 101 << 20}, "media_too_large"), ({"type": "text/html"}, "media_type_mismatch"),
    ({"type": "Video/MP4; codecs=x"}, "media_type_mismatch"),
    ({"to": "http://10.1.2.3/a.jpg"}, "media_url_blocked"),
    ({"to": "https://127.0.0.1:5432/a.jpg"}, "media_url_blocked"),
    ({"to": "ftp://127.0.0.1/a.jpg"}, "media_url_invalid"),
])
def test_what_will_not_get_better_fails_at_once(company, instance, sim, picture, file_url, what,
                                                code):
    first, behind = picture(file_url(unique("file"), **what))
    row = company.wait_status(first, "failed")
    assert (row["error_code"], row["attempts"]) == (code, 1)
    company.wait_status(behind, "read")
    assert [m["text"] for m in received(sim, instance)] == ["Behind"]


def test_a_file_that_is_moved_too_often_fails(company, instance, sim, picture, file_url):
    url = file_url("end")
    for n in range(4):
        url = file_url(f"hop{n}", to=url)
    first, behind = picture(url)
    assert company.wait_status(first, "failed")["error_code"] == "media_refused"
    company.wait_status(behind, "read")


def test_a_file_that_is_moved_is_handed_on_where_it_is(company, instance, sim, picture, file_url):
    url = file_url("end", whole=1)
    for n in range(3):
        url = file_url(f"hop{n}", to=url)
    first, _ = picture(url)
    company.wait_status(first, "read")
    assert received(sim, instance, 2)[0]["detail"]["url"] == file_url("end", whole=1)


def test_what_a_document_says_to_be_matters_not(company, instance, sim, owner, file_url):
    sent = accept(owner, instance, DOCUMENT, "Page", {"file": {"mime_type": "text/html"}},
                  media_url=file_url("page", type="text/html"))
    company.wait_status(sent, "read")


@pytest.fixture
def nobody():
    """A port where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{s.getsockname()[1]}/a.jpg"


@pytest.fixture(params=["refuses", "is silent", "hangs up", "fails", "has no address"])
def dead_url(request, sim, file_url, nobody):
    name = unique("dead")
    kind = {"is silent": "hang", "hangs up": "reset_before"}.get(request.param)
    if kind:
        sim.fault(f"file:{name}", kind, rate=1, for_ms=60000)
    yield {"refuses": nobody, "has no address": "https://nobody.invalid/a.jpg",
           "fails": file_url(name, status=503)}.get(request.param, file_url(name))
    if kind:
        sim.fault(f"file:{name}", kind, rate=0, for_ms=1)


def test_a_dead_host_is_tried_again_and_then_given_up(company, instance, sim, picture, owner,
                                                      dead_url):
    """The first try leaves the message in its chat, the last one takes it out."""
    first, behind = picture(dead_url)
    row = wait_until(lambda: (r := company.message(first))["error_code"] and r, "a failed try")
    assert (row["status"], row["error_code"], row["attempts"]) == ("queued", "media_unreachable", 1)
    assert company.message(behind)["status"] == "queued"
    wait = owner.execute("SELECT available_at - now() AS wait FROM send_queue WHERE message_id = %s",
                         (first,)).fetchone()["wait"]
    assert 2 < wait.total_seconds() < 7
    owner.execute("UPDATE send_queue SET tries = %s WHERE message_id = %s", (TRIES_MAX - 1, first))
    row = company.wait_status(first, "failed", timeout=20)
    assert (row["error_code"], row["attempts"]) == ("media_unreachable", TRIES_MAX)
    company.wait_status(behind, "read")
    assert [m["text"] for m in received(sim, instance)] == ["Behind"]


def test_an_instance_may_give_up_earlier(company, instance, picture, nobody):
    company.api.put(f"/api/instances/{instance['id']}", {"settings": {"max_attempts": 1}})
    first, behind = picture(nobody)
    row = company.wait_status(first, "failed")
    assert (row["error_code"], row["attempts"]) == ("media_unreachable", 1)
    company.wait_status(behind, "read")


def test_a_host_that_comes_back_is_found(company, instance, sim, picture, file_url):
    name = unique("back")
    sim.fault(f"file:{name}", "reset_before", rate=1, for_ms=60000)
    try:
        first, behind = picture(file_url(name))
        wait_until(lambda: company.message(first)["error_code"] == "media_unreachable", "a try")
    finally:
        sim.fault(f"file:{name}", "reset_before", rate=0, for_ms=1)
    assert company.wait_status(first, "read", timeout=20)["attempts"] == 2
    company.wait_status(behind, "read")
    assert [m["kind"] for m in received(sim, instance, 2)] == ["image", "text"]
    assert received(sim, instance, 2)[0]["chat"] == CHAT
