"""Fixtures of the integration tests; tests/integration/run provides the stack.

To try one test against a stack that is up: set -a; . DIR/env; set +a;
/usr/bin/python3 -m pytest tests/integration -k NAME
"""

import os
import re
import sys

import pika
import psycopg
import psycopg.rows
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "stack"))

from api import Api  # noqa: E402
from openapi import Document  # noqa: E402
from support import Company, Sim, unique, wait_until  # noqa: E402


@pytest.fixture(scope="session")
def env():
    """The stack's variables (HARNESS.md)."""
    if "GROWHUB_URL" not in os.environ:
        pytest.exit("no stack: run 'make integration', or source DIR/env of a stack", returncode=2)
    return {k: v for k, v in os.environ.items() if k.startswith("GROWHUB_")}


@pytest.fixture(scope="session")
def api(env):
    """The REST API without a token."""
    return Api(env["GROWHUB_URL"])


@pytest.fixture(scope="session")
def document(api):
    """What the gateway says about itself."""
    return Document(api.request("GET", "/openapi.json").raw)


@pytest.fixture(scope="session", autouse=True)
def _replies_keep_the_document(request):
    """Every reply that a test of this folder gets, and every post to a webhook that it looks at,
    is what /openapi.json promises."""
    document = request.getfixturevalue("document") if "GROWHUB_URL" in os.environ else None

    def look(method, path, reply):
        body = reply.raw if reply.body is None else reply.body
        problems = document.reply_problems(method, path, reply.status,
                                           reply.headers.get("Content-Type", ""), body)
        assert not problems, "\n".join(problems)

    def look_at_post(headers, body):
        problems = document.post_problems(headers, body)
        assert not problems, "\n".join(problems)

    Api.on_reply, Sim.on_post = staticmethod(look), staticmethod(look_at_post)
    yield
    Api.on_reply = Sim.on_post = None


@pytest.fixture(scope="session")
def admin(api, env):
    """The REST API with a superadmin session."""
    return api.login(env["GROWHUB_SUPERADMIN_EMAIL"], env["GROWHUB_SUPERADMIN_PASSWORD"])


@pytest.fixture(scope="session")
def sim(env):
    return Sim(env["GROWHUB_SIM_URL"])


@pytest.fixture
def db(env):
    """A reading connection; rows are dicts, every statement sees the newest commit."""
    with psycopg.connect(env["GROWHUB_DATABASE_URL"], autocommit=True,
                         row_factory=psycopg.rows.dict_row) as connection:
        yield connection


@pytest.fixture
def owner(env):
    """A writing connection with the daemons' own role, to make what no request makes."""
    with open(env["GROWHUB_CONF"], encoding="utf-8") as conf:
        url = re.search(r'db: .*?url = "([^"]+)"', conf.read()).group(1)
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        yield connection


@pytest.fixture
def amqp(env):
    """A channel to the broker."""
    connection = pika.BlockingConnection(pika.URLParameters(env["GROWHUB_AMQP_URL"]))
    yield connection.channel()
    connection.close()


@pytest.fixture(scope="session")
def provider_of(admin, env):
    """provider_of(type): the simulated server of that type as a provider row, made once."""
    rows = {}

    def make(kind):
        if kind not in rows:
            rows[kind] = admin.post("/api/admin/providers", {
                "type": kind, "name": unique(kind), "api_key": "sim", "max_instances": 10000,
                "base_url": f"{env['GROWHUB_SIM_URL']}/{kind}"})
        return rows[kind]

    return make


@pytest.fixture(scope="session")
def provider(provider_of):
    """The simulated WAHA server as a provider row."""
    return provider_of("waha")


@pytest.fixture
def sim_engine(sim, admin, provider):
    """sim_engine(word): the server runs another engine, and healthd has found out; GOWS after."""
    def choose(engine):
        sim.engine(engine)
        wait_until(lambda: admin.get(f"/api/admin/providers/{provider['id']}")["engine"] == engine,
                   f"the provider to be known as {engine}", 20)

    yield choose
    choose("GOWS")


@pytest.fixture
def new_company(admin, provider_of):
    """Factory of tenants: new_company(at="uazapi", **fields); all are ended after the test."""
    made = []

    def make(at="waha", **fields):
        made.append(Company(admin, provider_of(at), **fields))
        return made[-1]

    yield make
    for company in made:
        company.close()


@pytest.fixture
def company(new_company):
    """One fresh tenant."""
    return new_company()


@pytest.fixture
def instance(company):
    """One connected instance of that tenant."""
    return company.instance()
