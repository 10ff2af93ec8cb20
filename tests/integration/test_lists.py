"""Lists in both directions, and the list of events."""

import urllib.parse

import pytest

from support import Company, unique


def get_list(company, path, **query):
    return company.api.request("GET", f"{path}?{urllib.parse.urlencode(query)}").body


def walk(company, path, field="id", **query):
    """All pages forward, then all back; both as lists of lists of ids."""
    ahead, back = [], []
    reply = get_list(company, path, **query)
    assert reply["prev_cursor"] is None
    while True:
        ahead.append([row[field] for row in reply["data"]])
        if reply["next_cursor"] is None:
            break
        reply = get_list(company, path, cursor=reply["next_cursor"], **query)
    while reply["prev_cursor"] is not None:
        reply = get_list(company, path, cursor=reply["prev_cursor"], **query)
        back.append([row[field] for row in reply["data"]])
    return ahead, back


@pytest.fixture(scope="module")
def tenant(admin, provider):
    """A tenant with twelve sent messages, half of them to one chat."""
    company = Company(admin, provider)
    company.one = company.instance()
    company.sent = [company.send(company.one, to=f"551199999000{i % 2}", reference=f"r{i % 3}")
                    for i in range(12)]
    for message in company.sent:
        company.wait_status(message["id"], "read")
    yield company
    company.close()


@pytest.mark.parametrize("query", [{}, {"phone": "5511999990001"}, {"reference": "r1"},
                                   {"status": "read"}, {"since": "2020-01-01T00:00:00Z"}],
                         ids=lambda q: next(iter(q), "all"))
def test_messages_forward_and_back(tenant, query):
    ahead, back = walk(tenant, "/api/messages", limit=2, **query)
    ids = [i for page in ahead for i in page]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids) >= 4
    assert back == ahead[:-1][::-1]


@pytest.mark.parametrize("query", [{}, {"event_type": "message.sent"}, {"status": "delivered"},
                                   {"phone": "5511999990001"}],
                         ids=lambda q: next(iter(q), "all"))
def test_events_forward_and_back(tenant, query):
    ahead, back = walk(tenant, "/api/events", limit=2, **query)
    ids = [i for page in ahead for i in page]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids) >= 4
    assert back == ahead[:-1][::-1]


def types_of(reply):
    return {row["event_type"] for row in reply["data"]}


def test_what_an_event_tells(tenant):
    sent = tenant.sent[0]
    rows = get_list(tenant, "/api/events", event_type="message.read", limit=200)["data"]
    row = next(r for r in rows if r["message_id"] == sent["id"])
    assert tenant.api.get(f"/api/events/{row['id']}") == row
    assert (row["event"], row["instance_id"]) == ("on-message-read", tenant.one["id"])
    assert row["facts"]["id"] == sent["id"] and row["facts"]["reference"] == "r0"
    assert tenant.api.request("GET", "/api/events/nonsense").status == 404


def test_filters_of_events(tenant):
    def ask(**query):
        return get_list(tenant, "/api/events", limit=200, **query)

    everything = ask()
    assert everything["total"] == len(everything["data"]) > 3 * 12
    assert types_of(ask(event_type="on-message-sent")) == {"message.sent"}
    assert types_of(ask(event_type="message.ack")) == {"message.sent", "message.delivered",
                                                       "message.read"}
    assert types_of(ask(event_type="message.sent,on-connected")) == {"message.sent",
                                                                     "instance.connected"}
    assert types_of(ask(status="delivered")) == {"message.delivered"}
    assert ask(status="delivered", event_type="message.sent")["data"] == []
    assert ask(event_type="label.added")["data"] == []
    assert ask(direction="inbound")["data"] == []
    assert types_of(ask(instance_id=tenant.one["id"])) == types_of(everything)
    assert ask(instance_id=tenant.one["id"] + 1)["data"] == []
    of_chat = ask(phone="5511999990001")
    assert of_chat["total"] == 18
    assert {r["message_id"] for r in of_chat["data"]} == {m["id"] for m in tenant.sent[1::2]}
    assert ask(reference="r2")["total"] == 12
    middle = everything["data"][10]["created_at"]
    newer, older = ask(since=middle), ask(until=middle)
    assert newer["total"] + older["total"] == everything["total"]
    assert older["total"] > 0 and max(r["created_at"] for r in older["data"]) < middle
    assert min(r["created_at"] for r in newer["data"]) >= middle


@pytest.mark.parametrize("query", [{"event_type": "nothing"}, {"event_type": ""}, {"status": "x"},
                                   {"direction": "up"}, {"phone": "x"}, {"since": "yesterday"},
                                   {"instance_id": "0"}, {"limit": "201"}],
                         ids=lambda q: "-".join(next(iter(q.items()))))
def test_bad_filters_of_events(tenant, query):
    reply = tenant.api.request("GET", f"/api/events?{urllib.parse.urlencode(query)}")
    assert (reply.status, reply.body["code"]) == (422, "validation_failed")
    assert list(reply.body["errors"]) == list(query)


ID_OF = ("(left(growhub_uuid7_floor(now() - {} * interval '1 s')::text, 14)"
         " || right(gen_random_uuid()::text, 22))::uuid")


def insert_events(owner, company):
    """11,000 events that do not match lie between the two that do."""
    poll, presence = 24, 23
    owner.execute(
        f"INSERT INTO events (id, company_id, type, occurred_at, facts) SELECT {ID_OF.format('(n + 1)')},"
        f" %s, CASE WHEN n IN (0, 11000) THEN {poll} ELSE {presence} END, now(), '{{}}'"
        " FROM generate_series(0, 11000) n", (company.id,))
    return "/api/events", {"event_type": "poll.voted"}


def insert_messages(owner, company, **values):
    """The same with inbound messages; values: of them all."""
    values = {"chat_key": "1@c.us", "reference": None, **values}
    owner.execute(
        "INSERT INTO messages (id, company_id, instance_id, direction, status, chat_key, reference)"
        f" SELECT {ID_OF.format('(n + 1)')}, %(id)s, CASE WHEN n IN (0, 11000) THEN 1 ELSE 2 END, 1, 10,"
        " %(chat_key)s, %(reference)s FROM generate_series(0, 11000) n", {"id": company.id, **values})
    return "/api/messages", {"instance_id": 1}


def insert_messages_of_chat(owner, company):
    path, query = insert_messages(owner, company, chat_key="5511999990009@c.us")
    return path, {**query, "phone": "5511999990009"}


def insert_messages_of_reference(owner, company):
    path, query = insert_messages(owner, company, reference="campaign")
    return path, {**query, "reference": "campaign"}


@pytest.mark.parametrize("limit", [1, 200])
@pytest.mark.parametrize("insert", [insert_events, insert_messages, insert_messages_of_chat,
                                    insert_messages_of_reference])
def test_a_page_looks_at_a_window_and_goes_on_behind_it(admin, provider, owner, insert, limit):
    """limit 1: the window has just as many as the page takes."""
    company = Company(admin, provider)
    path, query = insert(owner, company)
    query["limit"] = limit
    first = get_list(company, path, **query)
    assert len(first["data"]) == 1 and first["has_more"] and first["prev_cursor"] is None
    assert (first["total"], first["total_capped"]) == (1, True)
    second = get_list(company, path, cursor=first["next_cursor"], **query)
    assert len(second["data"]) == 1 and not second["has_more"]
    back = get_list(company, path, cursor=second["prev_cursor"], **query)
    assert back["data"] == [] and back["prev_cursor"]
    back = get_list(company, path, cursor=back["prev_cursor"], **query)
    assert back["data"] == first["data"] and back["prev_cursor"] is None
    company.close()


def test_large_facts_are_left_to_the_single_event(tenant, owner):
    call = 25
    owner.execute(
        f"INSERT INTO events (id, company_id, type, occurred_at, facts) SELECT {ID_OF.format('0')},"
        f" %s, {call}, now(), json_build_object('text', repeat('x', n))::text"
        " FROM unnest(ARRAY[60000, 70000]) n", (tenant.id,))
    rows = get_list(tenant, "/api/events", event_type="on-call")["data"]
    whole = [tenant.api.get(f"/api/events/{row['id']}") for row in rows]
    assert sorted(len(row["facts"]["text"]) for row in whole) == [60000, 70000]
    for row, one in zip(rows, whole):
        is_large = len(one["facts"]["text"]) == 70000
        assert row["facts"] == (None if is_large else one["facts"])
        assert row.get("facts_omitted", False) == is_large


# ---- lists by integer ids ----


@pytest.fixture(scope="module")
def crowd(admin, env):
    """Seven of everything: companies, providers, instances and webhooks of one of them."""
    made = [admin.post("/api/admin/companies", {"name": unique("crowd")}) for _ in range(7)]
    providers = [admin.post("/api/admin/providers", {
        "type": "waha", "name": unique("crowd"), "base_url": f"{env['GROWHUB_SIM_URL']}/waha",
        "api_key": "sim"}) for _ in range(7)]
    api = admin.with_token(made[0]["token"])
    instances = [api.post("/api/instances", {"instance_name": unique("crowd"),
                                             "provider_id": providers[0]["id"]}) for _ in range(7)]
    hooks = f"/api/instances/{instances[0]['id']}/webhooks"
    for _ in range(7):
        api.post(hooks, {"url": f"{env['GROWHUB_SIM_URL']}/hook/crowd", "events": ["*"]})
    yield {"hooks": hooks, "provider": providers[0]["id"], "api": api}
    for row in instances:
        api.delete(f"/api/instances/{row['id']}")
    for row in providers:
        admin.delete(f"/api/admin/providers/{row['id']}")
    for row in made:
        admin.delete(f"/api/admin/companies/{row['id']}")


class AsCompany:
    """walk() asks through .api."""

    def __init__(self, api):
        self.api = api


@pytest.mark.parametrize("which", ["companies", "by status", "metrics", "providers",
                                   "provider's instances", "instances", "webhooks"])
def test_integer_lists_forward_and_back(admin, crowd, which):
    api, path, query = {
        "companies": (admin, "/api/admin/companies", {}),
        "by status": (admin, "/api/admin/companies", {"status": "active"}),
        "metrics": (admin, "/api/admin/metrics", {}),
        "providers": (admin, "/api/admin/providers", {}),
        "provider's instances": (admin, f"/api/admin/providers/{crowd['provider']}/instances", {}),
        "instances": (crowd["api"], "/api/instances", {}),
        "webhooks": (crowd["api"], crowd["hooks"], {}),
    }[which]
    field = "company_id" if which == "metrics" else "id"
    ahead, back = walk(AsCompany(api), path, field, limit=3, **query)
    ids = [i for page in ahead for i in page]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids) >= 7
    assert back == ahead[:-1][::-1]
    # The same by offset, whose pages lead both ways too.
    middle = get_list(AsCompany(api), path, limit=3, offset=3, **query)
    assert [row[field] for row in middle["data"]] == ahead[1] and middle["total"] >= 7
    newer = get_list(AsCompany(api), path, limit=3, cursor=middle["prev_cursor"], **query)
    assert [row[field] for row in newer["data"]] == ahead[0]
    reply = api.request("GET", f"{path}?limit=3&offset=3")
    assert 'rel="next"' in reply.headers["Link"] and 'rel="prev"' in reply.headers["Link"]


@pytest.mark.parametrize("query, field", [("offset=10001", "offset"), ("limit=0", "limit"),
                                          ("limit=201", "limit"), ("offset=-1", "offset")])
def test_integer_lists_refuse_bad_bounds(admin, query, field):
    for path in ("/api/admin/companies", "/api/admin/providers", "/api/admin/metrics"):
        reply = admin.request("GET", f"{path}?{query}")
        assert (reply.status, set(reply.body["errors"])) == (422, {field})


def test_a_cursor_of_another_list_is_refused(admin, crowd):
    cursor = get_list(AsCompany(admin), "/api/admin/companies", limit=3)["next_cursor"]
    for path in ("/api/admin/providers", "/api/admin/companies?status=active&"):
        reply = admin.request("GET", f"{path}{'' if '?' in path else '?'}cursor={cursor}")
        assert (reply.status, reply.body["code"]) == (400, "invalid_cursor")
