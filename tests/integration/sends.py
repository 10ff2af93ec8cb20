"""Sends put in as rows, as the gateway's acceptance writes them: the provider's side alone."""

import hashlib
import json
import os
import time
import uuid

from support import wait_until

CHAT = "5511999990001@c.us"
# enum msg_kind, model/message.h
TEXT, IMAGE, VIDEO, AUDIO, DOCUMENT, LOCATION, CONTACT, STICKER = range(8)


def uuid7():
    raw = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(int=raw & ~(0xf << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def accept(owner, instance, kind, content=None, payload=None, chat=CHAT, tries=0, **columns):
    """The rows of one accepted send that was tried so often; returns its id."""
    row = {"id": uuid7(), "company_id": instance["company_id"], "instance_id": instance["id"],
           "direction": 0, "status": 1, "kind": kind, "chat_key": chat, "to_requested": chat,
           "content": content, "payload": json.dumps(payload) if payload else None,
           "media_url": None, "reply_to": None, **columns}
    ref = "3EB0" + os.urandom(9).hex().upper() if kind in (TEXT, LOCATION, CONTACT) else None
    with owner.transaction():
        owner.execute(f"INSERT INTO messages ({', '.join(row)}) VALUES"
                      f" ({', '.join(f'%({name})s' for name in row)})", row)
        owner.execute(
            "INSERT INTO send_queue (message_id, company_id, instance_id, lane, class,"
            " available_at, expires_at, send_ref, tries) VALUES (%(id)s, %(company_id)s, %(instance_id)s,"
            " hashtext(%(chat_key)s), 1, now(), now() + interval '1 day', %(ref)s, %(tries)s)",
            {**row, "ref": ref, "tries": tries})
        owner.execute("INSERT INTO outbox_messages (kind, class, company_id, target_id) VALUES"
                      " (1, 1, %(company_id)s, %(instance_id)s)", row)
        owner.execute("INSERT INTO ledger_accepted VALUES (%(company_id)s, 0, 1) ON CONFLICT"
                      " (company_id, slot) DO UPDATE SET accepted = ledger_accepted.accepted + 1",
                      row)
    owner.execute("SELECT pg_notify('growhub_outbox', '')")  # model/wake.h: else the relay's poll
    return str(row["id"])


def store(owner, instance, data, size=None):
    """A stored file (model/media.h); returns the payload's file."""
    media_id, step = uuid7(), 256 * 1024
    owner.execute("INSERT INTO media (id, company_id, mime_type, size_bytes, sha256, kept_until)"
                  " VALUES (%s, %s, 'application/pdf', %s, %s, now() + interval '1 day')",
                  (media_id, instance["company_id"], size or len(data),
                   hashlib.sha256(data).digest()))
    for i in range(0, len(data), step):
        owner.execute("INSERT INTO media_chunks VALUES (%s, %s, %s)",
                      (media_id, i // step, data[i:i + step]))
    return {"mime_type": "application/pdf", "name": "offer.pdf", "media_id": str(media_id)}


def received(sim, instance, count=1):
    session = instance["external_instance_id"]
    return wait_until(lambda: len(got := sim.messages(session)) == count and got,
                      f"{count} messages at the provider")
