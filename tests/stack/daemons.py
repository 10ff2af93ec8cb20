"""GrowHub's own processes in the stack: their configuration, start, readiness, stop."""

import base64
import http.client
import os
import secrets as random_secrets
import signal

import process
from paths import StackError, program

KINDS = ("gateway", "outboxd", "senderd", "eventd", "healthd")
SIM = "sim"
DRAIN_SECONDS = 35  # DESIGN.md section 8: a daemon drains for at most 30 s
READY_SECONDS = 60
SUPERADMIN = "root@growhub.test"

# The test timings of HARNESS.md; shipped defaults are longer.
COMMON = """\
# Written by tests/stack at each start: the sections all daemons share.
db: {{ url = "{db_url}"; }};
mq: {{ url = "{mq_url}"; }};
log: {{ level = "info"; }};
secrets: {{ key = "file:{key_file}"; }};
sending: {{ deadline = "5s"; lease_margin = "3s"; in_doubt_wait = "3s"; }};
egress_allow = [ "127.0.0.0/8", "::1/128" ];
"""
GATEWAY = """\
@include "growhub.conf"
gateway: {{
	listen = [ "127.0.0.1:{shared}", "127.0.0.1:{private}" ];
	admin_listen = "127.0.0.1:{admin}";
	public_url = "http://127.0.0.1:{shared}";
}};
"""
HEALTHD = """\
@include "growhub.conf"
healthd: {{
	admin_listen = "127.0.0.1:{admin}";
	public_url = "http://127.0.0.1:{shared}";
	check_interval = "2s";
	stats_interval = "2s";
	stats_delay = "5s";
}};
"""
WORKER = """\
@include "growhub.conf"
{kind}: {{ admin_listen = "127.0.0.1:{admin}"; }};
"""


class Daemons:
    """The processes that counts and has_sim ask for: {"gateway": 2, ...}."""

    def __init__(self, layout, counts, has_sim, ports):
        self.layout, self.ports = layout, ports
        self.names = names_of(counts)
        self.sim = [SIM] if has_sim else []

    def gateway_url(self):
        return f"http://127.0.0.1:{self.ports['gateway']}" if "gateway" in self.ports else ""

    def gateway_urls(self):
        return [f"http://127.0.0.1:{self.ports[n]}" for n in self.names if kind_of(n) == "gateway"]

    def admin_urls(self):
        return {n: f"http://127.0.0.1:{self.ports[f'{n}-admin']}" for n in self.names}

    def sim_url(self):
        return f"http://127.0.0.1:{self.ports[SIM]}" if self.sim else ""

    def write_config(self, db_url, mq_url):
        key_file = os.path.join(self.layout.etc, "seal.key")
        if not os.path.exists(key_file):
            key = base64.b64encode(random_secrets.token_bytes(32)).decode()
            self.layout.write_private(key_file, key)
        self.layout.write_private(self.layout.conf("growhub"), COMMON.format(
            db_url=db_url, mq_url=mq_url, key_file=key_file))
        for name in self.names:
            self.layout.write_private(self.layout.conf(name), self._own_config(name))

    def check_programs(self):
        needed = {f"growhub-{kind_of(n)}" for n in self.names + self.sim} | {"growhubctl"}
        for path in map(program, sorted(needed)):
            if not os.path.exists(path):
                raise StackError(f"{path} is missing: run 'make' first")
            self.layout.check_reachable(path)

    def prepare_database(self, postgres, password):
        """Migrate, and add the superadmin once."""
        ctl = [program("growhubctl"), "-c", self.layout.conf("growhub")]
        env = process.environment(self.layout)
        process.run_once(self.layout, ctl + ["migrate"], env)
        if not postgres.query(f"SELECT 1 FROM admins WHERE email = '{SUPERADMIN}'"):
            process.run_once(self.layout, ctl + ["admin", "add", SUPERADMIN, "--password-stdin"],
                             env, stdin=password + "\n")

    def start(self, name):
        """Start one process without waiting for it."""
        argv = [program(f"growhub-{kind_of(name)}")]
        if name == SIM:
            # Its sessions outlive a restart, as a real provider's do.
            argv += ["--listen", f"127.0.0.1:{self.ports[SIM]}",
                     "--state", os.path.join(self.layout.home, "sim.state")]
        else:
            argv += ["-c", self.layout.conf(name)]
        process.spawn(self.layout, name, argv, process.environment(self.layout), self.layout.home)

    def wait_ready(self, name):
        process.wait_until(self.layout, name, lambda: self.is_ready(name), READY_SECONDS)

    def is_ready(self, name):
        if name == SIM:
            return _status_of(self.ports[SIM], "/_sim/health") == 200
        return _status_of(self.ports[f"{name}-admin"], "/readyz") == 200

    def stop(self, names):
        """Names of those that did not end in time and were killed."""
        pids = {pid: name for name in names if (pid := process.pid_of(self.layout, name)) is not None}
        return [pids[pid] for pid in process.stop(list(pids), signal.SIGTERM, DRAIN_SECONDS)]

    def _own_config(self, name):
        admin = self.ports[f"{name}-admin"]
        if kind_of(name) == "gateway":
            return GATEWAY.format(shared=self.ports["gateway"], private=self.ports[name], admin=admin)
        if kind_of(name) == "healthd":
            return HEALTHD.format(shared=self.ports["gateway"], admin=admin)
        return WORKER.format(kind=kind_of(name), admin=admin)


def names_of(counts):
    return [f"{kind}-{i}" for kind in KINDS for i in range(1, counts.get(kind, 0) + 1)]


def port_names(counts, has_sim):
    """Every port the daemons need; the shared one exists without gateways too."""
    names = ["gateway"]
    for name in names_of(counts):
        if kind_of(name) == "gateway":
            names.append(name)
        names.append(f"{name}-admin")
    return names + ([SIM] if has_sim else [])


def kind_of(name):
    return name.rpartition("-")[0] or name


def _status_of(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
