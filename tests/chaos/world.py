"""Whom a scenario is about: companies with instances and endpoints at the simulator, and their chats.

Companies are at WAHA, at UAZAPI, or (the first) at both. Every chat's messages carry a text "TAG cN #n": the tag is the scenario's, so that
scenarios share one stack; N names the chat, n counts its messages from 1.
"""

import itertools

from support import Company, unique

_tags = itertools.count(1)


class Chat:
    """One phone number of one instance; what is sent to it is a sequence."""

    def __init__(self, world, company, instance, at, number):
        self.world, self.company, self.instance, self.number = world, company, instance, number
        self.at = at  # the provider's type
        self.phone = f"55119{number:08}"

    def text(self, n):
        return f"{self.world.tag} c{self.number} #{n}"


class Endpoint:
    """A company's receiver of message events: the simulator's hook of this name."""

    def __init__(self, company, instance, hook):
        self.company, self.instance, self.hook = company, instance, hook


class World:
    """companies x instances (each), with chats spread over the instances. providers: the rows
    that they are spread over; the first company has instances at every one."""

    EVENTS = ("on-message-sent", "on-message-delivered", "on-message-read")

    def __init__(self, admin, providers, sim, companies, instances, chats):
        self.sim, self.providers = sim, providers
        self.tag = f"s{next(_tags)}"
        self.instances, self.endpoints = [], []
        self.companies, self.places = [], []  # places: (company, instance, provider's type)
        for i in range(companies):
            company = Company(admin, providers[i % len(providers)])
            self.companies.append(company)
            for j in range(instances):
                provider = providers[(i or j) % len(providers)]
                instance = company.instance(provider_id=provider["id"])
                self.places.append((company, instance, provider["type"]))
                self.instances.append(instance)
                self.endpoints.append(self._endpoint(company, instance))
        self.chats = [Chat(self, *self.places[i % len(self.places)], i + 1) for i in range(chats)]

    def _endpoint(self, company, instance):
        hook = unique("hook")
        row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                               {"url": self.sim.hook_url(hook), "events": list(self.EVENTS)})
        self.sim.set_hook(hook, secret=row["secret"])
        return Endpoint(company, instance, hook)

    def fault(self, kind, **settings):
        """At every provider."""
        for provider in self.providers:
            self.sim.fault(provider["type"], kind, **settings)

    def silence(self):
        """No provider posts anything any more: neither echoes nor receipts."""
        self.EVENTS = self.EVENTS[:1]
        self.sim._call("POST", "/_sim/webhooks", {"enabled": False})

    def given_up(self):
        """{(message id at the provider, event)} of receipts that a provider gave up because
        nobody answered, or with an error of ours (UAZAPI: three attempts, section 8)."""
        return {(bare, f"on-message-{post['state'].lower()}")
                for post in self.sim._call("GET", "/_sim/given_up") for bare in post["ids"]
                if post["status"] == 0 or post["status"] >= 500}

    def company_ids(self):
        return [company.id for company in self.companies]

    def instance_ids(self):
        return [instance["id"] for instance in self.instances]

    def received(self):
        """[{"n","id","chat","text","at_ms"}] of this world, in the order of arrival."""
        found, since = [], 0
        while page := self.sim._call("GET", f"/_sim/messages?since={since}"):
            found += [m for m in page if m["text"].startswith(f"{self.tag} ")]
            since = page[-1]["n"]
        return found
