"""A provider's slots are counted exactly, whoever creates, deletes and fails meanwhile."""

import concurrent.futures
import threading

from api import Api
from support import Company, unique

SLOTS = 10


def test_slots_among_gateways_with_failures_and_deletions(admin, env, sim):
    """A hundred creations through every gateway; a third of those made are deleted at once, and
    the provider fails a third of its calls, which leaves instances in error: they hold a slot."""
    urls = env["GROWHUB_GATEWAY_URLS"].split()
    assert len(urls) > 1, "one gateway proves nothing"
    provider = admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("slots"), "base_url": f"{env['GROWHUB_SIM_URL']}/waha",
        "api_key": "sim", "max_instances": SLOTS})
    company = Company(admin, provider)
    apis = [Api(url, company.token) for url in urls]
    seen, is_over = [], threading.Event()

    def used():
        return admin.get(f"/api/admin/providers/{provider['id']}")["current_instances"]

    def watch():
        while not is_over.is_set():
            seen.append(used())

    def create(n):
        reply = apis[n % len(apis)].request("POST", "/api/instances", {
            "instance_name": unique("slot"), "provider_id": provider["id"]})
        if reply.status == 201 and n % 3 == 0:
            row = reply.body["data"]
            apis[(n + 1) % len(apis)].delete(f"/api/instances/{row['id']}")
        return reply.status, n % 3 == 0

    sim.fault("waha", "status", value=500, rate=0.33, for_ms=60000)
    try:
        with concurrent.futures.ThreadPoolExecutor(51) as pool:
            watcher = pool.submit(watch)
            outcomes = list(pool.map(create, range(100)))
            is_over.set()
            watcher.result()
    finally:
        sim.fault("waha", "status", value=500, rate=0, for_ms=1)
    kept = company.api.get("/api/instances?limit=200")
    made = [is_deleted for status, is_deleted in outcomes if status == 201]
    assert {status for status, _ in outcomes} == {201, 409}
    assert len(kept) == made.count(False) == used() <= SLOTS < len(made)
    assert max(seen) <= SLOTS and "error" in {row["status"] for row in kept}
    # What is free can be had, and no more.
    statuses = [create(1)[0] for _ in range(SLOTS - len(kept) + 1)]
    assert statuses == [201] * (SLOTS - len(kept)) + [409] and used() == SLOTS
    company.close()
    assert used() == 0
