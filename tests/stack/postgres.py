"""The stack's private PostgreSQL: TCP on loopback only, real durability.

Roles: postgres (bootstrap), growhub (owns everything; the daemons' login) and
growhub_read (may read everything; what tests log in as).
"""

import glob
import os
import shutil
import signal
import subprocess

import process
from paths import StackError

NAME = "postgres"
OLDEST = 15
SETTINGS = """\
# Written by tests/stack at each start.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
fsync = on
synchronous_commit = on
full_page_writes = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u '
log_lock_waits = on
"""


class Postgres:
    """One cluster below layout.postgres; secrets holds the roles' passwords."""

    def __init__(self, layout, port, secrets):
        self.layout, self.port, self.secrets = layout, port, secrets
        self.bin = _find_binaries()

    def url(self, role):
        return f"postgresql://{role}:{self.secrets[role]}@127.0.0.1:{self.port}/growhub"

    def start(self):
        """Start and wait until it answers; makes the cluster, roles and database once."""
        is_new = not os.path.exists(os.path.join(self.layout.postgres, "PG_VERSION"))
        if is_new:
            self._init_cluster()
        self.layout.write_private(os.path.join(self.layout.postgres, "postgresql.conf"),
                                  SETTINGS.format(port=self.port))
        self._start_server()
        self._make_roles()

    def stop(self):
        pid = process.pid_of(self.layout, NAME)
        if pid is not None:
            process.stop([pid], signal.SIGINT, 20)

    def query(self, text, database="growhub"):
        """Run SQL as the bootstrap role; returns psql's unaligned output."""
        env = process.environment(self.layout, PGPASSWORD=self.secrets["postgres"],
                                  PGCONNECT_TIMEOUT="5")
        return process.run_once(
            self.layout,
            [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
             "-p", str(self.port), "-U", "postgres", "-d", database, "-f", "-"], env, stdin=text).strip()

    def is_ready(self):
        return subprocess.run(
            [f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "2"],
            stdin=subprocess.DEVNULL).returncode == 0

    def _init_cluster(self):
        """In a side directory first: an interrupted initdb must not look like a cluster."""
        side = os.path.join(self.layout.etc, "initdb")
        shutil.rmtree(side, ignore_errors=True)
        shutil.rmtree(self.layout.postgres, ignore_errors=True)
        password_file = os.path.join(self.layout.etc, "initdb.password")
        self.layout.write_private(password_file, self.secrets["postgres"])
        process.run_once(
            self.layout,
            [f"{self.bin}/initdb", "-D", side, "-U", "postgres", "--auth=scram-sha-256",
             f"--pwfile={password_file}", "-E", "UTF8", "--locale=C.UTF-8"],
            process.environment(self.layout))
        os.unlink(password_file)
        os.rename(side, self.layout.postgres)

    def _start_server(self):
        self._clear_killed_server()
        process.spawn(self.layout, NAME, [f"{self.bin}/postgres", "-D", self.layout.postgres],
                      process.environment(self.layout), self.layout.postgres)
        process.wait_until(self.layout, NAME, self.is_ready, 60)

    def _clear_killed_server(self):
        """After a kill -9 the backends hold the shared memory a moment longer, and a zombie
        that nobody reaped looks like a living server to the lock file's reader."""
        if not process.wait_gone(self._processes(), 30):
            raise StackError(f"processes of the killed PostgreSQL do not end: {self._processes()}")
        lock_file = os.path.join(self.layout.postgres, "postmaster.pid")
        if os.path.exists(lock_file):
            os.unlink(lock_file)

    def _processes(self):
        """Server and backends: PostgreSQL's processes work in the data directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd") == self.layout.postgres:
                    found.append(int(pid))
            except OSError:
                continue  # gone, or somebody else's
        return found

    def _make_roles(self):
        if self.query("SELECT 1 FROM pg_database WHERE datname = 'growhub'", "postgres"):
            return
        self.query(f"""
            DROP ROLE IF EXISTS growhub;
            DROP ROLE IF EXISTS growhub_read;
            CREATE ROLE growhub LOGIN PASSWORD '{self.secrets["growhub"]}';
            CREATE ROLE growhub_read LOGIN PASSWORD '{self.secrets["growhub_read"]}'
                IN ROLE pg_read_all_data, pg_read_all_stats;
            CREATE DATABASE growhub OWNER growhub;
            """, "postgres")


def _find_binaries():
    found = [(int(path.split("/")[4]), path) for path in glob.glob("/usr/lib/postgresql/[0-9]*/bin")
             if os.path.exists(f"{path}/initdb")]
    version, path = max(found, default=(0, ""))
    if version < OLDEST:
        raise StackError(f"PostgreSQL {OLDEST} or newer is not installed: run 'make deps'")
    return path
