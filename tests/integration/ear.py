"""What an instance's endpoints hear, in both formats."""

from support import unique, wait_until

CONTACT = "5511977770001"
CHAT = f"{CONTACT}@c.us"


class Ear:
    """Two endpoints of an instance, one per format, and what they heard."""

    def __init__(self, company, instance, sim):
        self.sim, self.session = sim, instance["external_instance_id"]
        self.hooks = {}
        for form in ("growhub", "standard"):
            hook = unique(form)
            row = company.api.post(f"/api/instances/{instance['id']}/webhooks", {
                "url": sim.hook_url(hook), "events": ["*"], "format": form})
            sim.set_hook(hook, secret=row["secret"])
            self.hooks[form] = hook

    def heard(self, form, name):
        key = "event" if form == "growhub" else "type"
        return [e["body"] for e in self.sim.received(self.hooks[form]) if e["body"][key] == name]

    def wait(self, growhub, standard, count=1):
        """The last body of each format, once so many came: (growhub's, standard's data)."""
        both = wait_until(
            lambda: (g := self.heard("growhub", growhub)) and len(g) >= count
            and (s := self.heard("standard", standard)) and len(s) >= count and (g, s),
            f"{growhub} and {standard}")
        assert [len(x) for x in both] == [count, count]
        return both[0][-1], both[1][-1]["data"]

    def do(self, kind, **fields):
        """The contact does something; the simulator writes the contract's payload."""
        return self.sim.inbound(self.session, CONTACT, kind=kind, **fields)

    def emit(self, event, payload):
        self.sim.inbound(self.session, CONTACT, raw={"event": event, "payload": payload})
