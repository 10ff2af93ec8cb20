"""/send/media: files by URL and inside the request; their type, their size, their one copy."""

import base64
import hashlib
import os

import pytest

from rawhttp import Connection
from test_messages_api import raises
from test_sends import PHONE, post, stored

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
JPEG = b"\xff\xd8\xff\xe0" + b"pixels"
OGG = b"OggS" + b"\0" * 24 + b"OpusHead" + b"sound"
MP4 = b"\0\0\0\x18ftypisom" + b"film"
ZIP = b"PK\x03\x04" + b"sheet"


@pytest.fixture
def idle_token(company):
    return company.api.with_token(company.instance(is_connected=False)["token"])


def data_url(data, mime_type="application/octet-stream"):
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def send(api, file, **fields):
    return post(api, "/send/media", {"number": PHONE, "file": file, **fields}, Prefer="wait=0")


def kept(db, reply):
    """The message, and the bytes of its file."""
    assert reply.status == 202, reply.body
    row = stored(db, reply.body["data"]["id"])
    media_id = row["payload"]["file"].get("media_id")
    chunks = db.execute("SELECT data FROM media_chunks WHERE media_id = %s ORDER BY ordinal",
                        (media_id,)).fetchall()
    return row, [bytes(c["data"]) for c in chunks]


@pytest.mark.parametrize("fields, kind, mime_type", [
    ({"file": data_url(PNG, "image/png"), "type": "image"}, 1, "image/png"),
    ({"file": data_url(JPEG, "image/png"), "type": "image"}, 1, "image/jpeg"),
    ({"file": base64.b64encode(PNG).decode()}, 1, "image/png"),
    ({"file": data_url(MP4, "video/mp4"), "type": "video"}, 2, "video/mp4"),
    ({"file": data_url(OGG), "type": "ptt"}, 3, "audio/ogg; codecs=opus"),
    ({"file": data_url(MP4), "type": "audio"}, 3, "audio/mp4"),
    ({"file": data_url(b"%PDF-1.7 x", "text/plain"), "type": "document"}, 4, "application/pdf"),
    ({"file": data_url(ZIP), "type": "file", "docName": "a.xlsx"}, 4,
     "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ({"file": data_url(b"hello", "text/x-log")}, 4, "text/x-log"),
    ({"media": data_url(b"hello")}, 4, "application/octet-stream"),
])
def test_bytes_are_kept_with_their_true_type(idle_token, db, fields, kind, mime_type):
    reply = post(idle_token, "/send/media", {"number": PHONE, "caption": "cap", **fields},
                 Prefer="wait=0")
    row, chunks = kept(db, reply)
    assert (row["kind"], row["content"], row["media_url"]) == (kind, "cap", None)
    assert row["payload"]["file"]["mime_type"] == mime_type
    assert row["payload"]["file"].get("name") == fields.get("docName")
    assert row["payload"].get("voice", False) == (fields.get("type") == "ptt")
    sent = fields.get("file", fields.get("media")).rpartition(",")[2]
    assert b"".join(chunks) == base64.b64decode(sent)


def test_a_url_is_passed_on(idle_token, db):
    row, _ = kept(db, send(idle_token, "https://x.example/v/a.mp3?k=1", type="voice"))
    assert row["kind"] == 3 and row["media_url"] == "https://x.example/v/a.mp3?k=1"
    assert row["payload"] == {"file": {"mime_type": "audio/mpeg", "name": "a.mp3"}, "voice": True}
    row, _ = kept(db, send(idle_token, "https://x.example/get?id=1", docName="fatura.pdf"))
    assert row["kind"] == 4
    assert row["payload"]["file"] == {"mime_type": "application/pdf", "name": "fatura.pdf"}


def test_a_large_file_is_kept_once_per_company(idle_token, new_company, db):
    data = PNG + os.urandom(3 * 1024 * 1024)
    rows = []
    other = new_company().instance(is_connected=False)["token"]
    for token in (idle_token, idle_token, idle_token.with_token(other)):
        row, chunks = kept(db, send(token, data_url(data), docName=f"n{len(rows)}.png"))
        assert b"".join(chunks) == data and {len(c) for c in chunks[:-1]} == {256 * 1024}
        rows.append(row)
    ids = [r["payload"]["file"]["media_id"] for r in rows]
    assert ids[0] == ids[1] != ids[2]
    assert [r["payload"]["file"]["name"] for r in rows] == ["n0.png", "n1.png", "n2.png"]
    media = db.execute("SELECT * FROM media WHERE sha256 = %s",
                       (hashlib.sha256(data).digest(),)).fetchall()
    assert len(media) == 2 and {m["size_bytes"] for m in media} == {len(data)}
    assert all(m["kept_until"] > r["expires_at"] for m, r in zip(media, rows))


def test_the_largest_file_and_one_byte_more(idle_token, db):
    limit = 16 * 1024 * 1024
    _, chunks = kept(db, send(idle_token, data_url(PNG.ljust(limit, b"x"))))
    assert sum(map(len, chunks)) == limit
    for size in (limit + 1, limit + 4096):
        with raises("content_too_large", 413) as e:
            idle_token.post("/send/media",
                            {"number": PHONE, "file": data_url(PNG.ljust(size, b"x"))})
        assert set(e.errors) == {"file"}


@pytest.mark.parametrize("fields, bad", [
    ({}, {"file"}),
    ({"file": "http://8.8.8.8/a.png"}, {"file"}),
    ({"media": "https://192.168.7.7/a.png"}, {"media"}),
    ({"file": "data:image/png;base64,"}, {"file"}),
    ({"file": "data:image/png,abc"}, {"file"}),
    ({"file": "data:a b/c;base64,QUJD"}, {"file"}),
    ({"file": "not base64!"}, {"file"}),
    ({"file": "data:image/png;base64,QUJD=x"}, {"file"}),
    ({"file": data_url(b"text", "image/png"), "type": "image"}, {"file"}),
    ({"file": data_url(PNG, "video/mp4"), "type": "video"}, {"file"}),
    ({"file": data_url(PNG), "type": "ptt"}, {"file"}),
    ({"file": data_url(PNG), "type": "gif", "caption": "é" * 1025, "docName": "a\nb", "delay": -1},
     {"type", "caption", "docName", "delay"}),
    ({"file": data_url(b"text"), "type": "image", "number": "1"}, {"file", "number"}),
])
def test_every_bad_field_at_once(idle_token, fields, bad):
    with raises("validation_failed", 422) as e:
        idle_token.post("/send/media", {"number": PHONE, **fields})
    assert set(e.errors) == bad


def test_what_the_provider_cannot_send_is_501(idle_token):
    webp = b"RIFF\x10\0\0\0WEBPVP8 "
    with raises("not_supported", 501) as e:
        idle_token.post("/send/media",
                        {"number": PHONE, "file": data_url(webp), "type": "sticker"})
    assert "waha" in e.message and "section 5" in e.message


def test_a_body_over_24_mib_is_413(env, idle_token):
    with Connection(env["GROWHUB_URL"]) as connection:
        connection.send(f"POST /send/media HTTP/1.1\r\nHost: h\r\ntoken: {idle_token.token}\r\n"
                        f"Content-Length: {24 * 1024 * 1024 + 1}\r\n\r\n".encode())
        answer = connection.answer("POST")
    assert (answer.status, answer.code) == (413, "content_too_large")


def test_a_key_replays_a_file(idle_token):
    body = {"number": PHONE, "file": data_url(PNG)}
    first, again = (post(idle_token, "/send/media", body, Idempotency_Key="f", Prefer="wait=0")
                    for _ in range(2))
    assert first.body["data"]["id"] == again.body["data"]["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
