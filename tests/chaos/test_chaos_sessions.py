"""Gateways that die while sessions with keys are made (libcommon/daemon/session_setup.h)."""

import concurrent.futures
import time

from api import Api
from support import Company, unique, wait_until

STEP_MS = 800  # of each of the provider's answers (creation, webhook, connect): a kill takes some time
AT_ONCE = 16


def test_no_session_posts_to_us_before_its_key_is_kept(admin, env, sim, killer, judge, pick):
    """Killed between any two steps: what the provider was told to post to us can be proved and
    steered, for its key was committed before. In the long form healthd then finishes what was begun,
    with one session for each instance."""
    provider = admin.post("/api/admin/providers", {
        "type": "uazapi", "name": unique("uazapi"), "base_url": f"{env['GROWHUB_SIM_URL']}/uazapi",
        "api_key": "sim", "max_instances": 10000})
    company = Company(admin, provider)
    gateways = [name for name in killer.names if name.startswith("gateway")]
    apis = [Api(url, company.token) for url in env["GROWHUB_GATEWAY_URLS"].split()]
    told_count = 0

    def create(n):
        apis[n % len(apis)].post("/api/instances", {"instance_name": unique("made"),
                                                    "provider_id": provider["id"]})

    sim.fault("uazapi", "latency", value=STEP_MS)
    for steps in pick((1.5,), (0.5, 1.5, 2.5)):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            made = [pool.submit(create, n) for n in range(AT_ONCE)]
            time.sleep(steps * STEP_MS / 1000)
            killer.kill(*gateways)
            concurrent.futures.wait(made)  # they fail with their gateway
        told = {i["name"] for i in sessions(sim, company) if has_webhook(sim, i)}
        killer.restart(*gateways)
        rows = instances_of(judge, company)
        assert told <= {name for name, row in rows.items() if row["has_key"]}
        told_count = max(told_count, len(told))
    assert told_count > 0, "no creation got that far"
    sim.fault("uazapi", "latency", rate=0)
    if pick(False, True):
        wait_until(lambda: {row["status"] for row in instances_of(judge, company).values()}
                   == {"connected"}, "healthd to finish them", 400)
        names = [i["name"] for i in sessions(sim, company)]
        assert sorted(names) == sorted(instances_of(judge, company))


def sessions(sim, company):
    """The provider's, of this company."""
    listed = sim._call("GET", "/uazapi/instance/all", headers={"admintoken": "sim"})
    return [i for i in listed if i["name"].startswith(f"{company.id}-")]


def has_webhook(sim, session):
    return sim._call("GET", "/uazapi/webhook", headers={"token": session["token"]}) != []


def instances_of(judge, company):
    """{session's name: status, has_key}"""
    rows = judge(None).rows(
        "SELECT external_instance_id, status, session_key_sealed IS NOT NULL AS has_key"
        " FROM instances WHERE company_id = %(company)s", company=company.id)
    return {row["external_instance_id"]: row for row in rows}
