"""Whom a scenario is about: companies with instances and endpoints at the simulator, and their chats.

Every chat's messages carry a text "TAG cN #n": the tag is the scenario's, so that
scenarios share one stack; N names the chat, n counts its messages from 1.
"""

import itertools

from support import Company, unique

_tags = itertools.count(1)


class Chat:
    """One phone number of one instance; what is sent to it is a sequence."""

    def __init__(self, world, company, instance, number):
        self.world, self.company, self.instance, self.number = world, company, instance, number
        self.phone = f"55119{number:08}"

    def text(self, n):
        return f"{self.world.tag} c{self.number} #{n}"


class Endpoint:
    """A company's receiver of message events: the simulator's hook of this name."""

    def __init__(self, company, instance, hook):
        self.company, self.instance, self.hook = company, instance, hook


class World:
    """companies x instances (each), with chats spread over the instances."""

    EVENTS = ("on-message-sent", "on-message-delivered", "on-message-read")

    def __init__(self, admin, provider, sim, companies, instances, chats):
        self.sim = sim
        self.tag = f"s{next(_tags)}"
        self.companies = [Company(admin, provider) for _ in range(companies)]
        self.instances, self.endpoints = [], []
        pairs = []
        for company in self.companies:
            for _ in range(instances):
                instance = company.instance()
                pairs.append((company, instance))
                self.instances.append(instance)
                self.endpoints.append(self._endpoint(company, instance))
        self.chats = [Chat(self, *pairs[i % len(pairs)], i + 1) for i in range(chats)]

    def _endpoint(self, company, instance):
        hook = unique("hook")
        row = company.api.post(f"/api/instances/{instance['id']}/webhooks",
                               {"url": self.sim.hook_url(hook), "events": list(self.EVENTS)})
        self.sim.set_hook(hook, secret=row["secret"])
        return Endpoint(company, instance, hook)

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
