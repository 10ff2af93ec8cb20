"""The stack's private RabbitMQ and its own epmd, on loopback only.

epmd is started here and not by the broker, because the one that Erlang starts
survives every stop, under no known pid.
"""

import os
import signal
import socket

import process
from paths import StackError

NAME = "rabbitmq"
EPMD = "epmd"
SERVER = "/usr/sbin/rabbitmq-server"
SETTINGS = """\
# Written by tests/stack at each start.
listeners.tcp.1 = 127.0.0.1:{port}
default_user = growhub
default_pass = {password}
default_user_tags.administrator = true
log.file = false
log.console = true
log.console.level = info
"""


class RabbitMQ:
    """One broker below layout.rabbitmq; ports: amqp, amqp-dist, epmd."""

    def __init__(self, layout, ports, secrets):
        self.layout, self.ports, self.secrets = layout, ports, secrets

    def url(self):
        return f"amqp://growhub:{self.secrets['amqp']}@127.0.0.1:{self.ports['amqp']}/%2F"

    def start(self):
        """Start without waiting: it takes five seconds, others may start meanwhile."""
        if not os.path.exists(SERVER):
            raise StackError("RabbitMQ is not installed: run 'make deps'")
        etc = self.layout.etc
        self.layout.make_private(self.layout.rabbitmq)
        self.layout.write_private(os.path.join(etc, "rabbitmq.conf"), SETTINGS.format(
            port=self.ports["amqp"], password=self.secrets["amqp"]))
        self.layout.write_private(os.path.join(etc, "enabled_plugins"), "[].\n")
        self._start_epmd()
        env = process.environment(
            self.layout,
            RABBITMQ_NODENAME="growhub@localhost",
            RABBITMQ_MNESIA_BASE=self.layout.rabbitmq,
            RABBITMQ_LOG_BASE=self.layout.rabbitmq,
            RABBITMQ_CONFIG_FILE=os.path.join(etc, "rabbitmq"),
            RABBITMQ_CONF_ENV_FILE=os.path.join(etc, "none"),  # else the system's is sourced
            RABBITMQ_ENABLED_PLUGINS_FILE=os.path.join(etc, "enabled_plugins"),
            RABBITMQ_DIST_PORT=str(self.ports["amqp-dist"]),
            ERL_EPMD_PORT=str(self.ports["epmd"]),
            ERL_EPMD_ADDRESS="127.0.0.1",
            # No busy waiting: the schedulers would eat the CPU of what is measured.
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} "
                                                "+sbwt none +sbwtdcpu none +sbwtdio none",
            RUNNING_UNDER_SYSTEMD="true",  # the script then execs: the pid is the broker's
        )
        process.spawn(self.layout, NAME, ["/usr/lib/rabbitmq/bin/rabbitmq-server"], env, self.layout.home)

    def wait(self):
        process.wait_until(self.layout, NAME, self.is_ready, 90)

    def stop(self):
        pid = process.pid_of(self.layout, NAME)
        if pid is not None:
            process.stop([pid], signal.SIGTERM, 20)

    def stop_epmd(self):
        pid = process.pid_of(self.layout, EPMD)
        if pid is not None:
            process.stop([pid], signal.SIGTERM, 5)

    def is_ready(self):
        """It answers the protocol header with Connection.Start (a method frame: 1). rabbitmqctl
        would start another epmd on all addresses."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports["amqp"]), timeout=2) as s:
                s.sendall(b"AMQP\x00\x00\x09\x01")
                return s.recv(1) == b"\x01"
        except OSError:
            return False

    def _start_epmd(self):
        if process.pid_of(self.layout, EPMD) is not None:
            return
        port = self.ports["epmd"]
        process.spawn(self.layout, EPMD, ["/usr/bin/epmd", "-address", "127.0.0.1", "-port", str(port)],
                      process.environment(self.layout), self.layout.home)
        process.wait_until(self.layout, EPMD, lambda: _accepts(port), 10)


def _accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False
