"""Fixtures of the chaos tests; tests/chaos/run provides the stack, the form and the seed."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", part) for part in ("stack", "integration")]

from api import Api  # noqa: E402
from driver import Driver  # noqa: E402
from judge import Judge  # noqa: E402
from killer import SERVERS, Killer  # noqa: E402
from support import Sim, unique  # noqa: E402
from world import World  # noqa: E402

FORMS = ("short", "long")


@pytest.fixture(scope="session")
def env():
    """The stack's variables (HARNESS.md)."""
    if "GROWHUB_STACK_DIR" not in os.environ:
        pytest.exit("no stack: run 'make chaos-short' or tests/chaos/run", returncode=2)
    return {k: v for k, v in os.environ.items() if k.startswith("GROWHUB_")}


@pytest.fixture(scope="session")
def seed():
    return int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture(scope="session")
def pick():
    """pick(short, long): the value of the form that runs."""
    form = os.environ.get("CHAOS_FORM", "short")
    return lambda *values: values[FORMS.index(form)]


@pytest.fixture(scope="session")
def sim(env):
    return Sim(env["GROWHUB_SIM_URL"])


@pytest.fixture(scope="session")
def admin(env):
    return Api(env["GROWHUB_URL"]).login(env["GROWHUB_SUPERADMIN_EMAIL"],
                                         env["GROWHUB_SUPERADMIN_PASSWORD"])


@pytest.fixture
def new_world(admin, sim, env):
    """new_world(companies=, instances=, chats=) at provider rows of its own, one of each type."""
    def make(companies=1, instances=2, chats=20):
        providers = [admin.post("/api/admin/providers", {
            "type": kind, "name": unique(kind), "base_url": f"{env['GROWHUB_SIM_URL']}/{kind}",
            "api_key": "sim", "max_instances": 10000}) for kind in ("waha", "uazapi")]
        return World(admin, providers, sim, companies, instances, chats)
    yield make
    sim._call("POST", "/_sim/reset", {})  # faults and books; sessions stay


@pytest.fixture
def new_driver(env, seed):
    """new_driver(world, per_chat, ...): through every gateway."""
    drivers = []

    def make(world, per_chat, **options):
        urls = [env["GROWHUB_URL"], *env["GROWHUB_GATEWAY_URLS"].split()]
        drivers.append(Driver(world, urls, per_chat, seed=seed, **options))
        return drivers[-1]
    yield make
    for driver in drivers:
        driver.is_stopped.set()


@pytest.fixture
def killer(env, seed):
    """Whatever a failed test left dead lives again afterwards."""
    daemons = [pair.partition("=")[0] for pair in env["GROWHUB_ADMIN_URLS"].split()]
    killer = Killer(env["GROWHUB_STACK_DIR"], [*SERVERS, *daemons], env["GROWHUB_DATABASE_URL"], seed)
    yield killer
    killer.join(60)
    for name in [*killer.names, "sim"]:
        if not killer.is_alive(name):
            killer.stack("restart", name)


@pytest.fixture
def judge(env):
    return lambda world: Judge(world, env)
