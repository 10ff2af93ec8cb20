"""Where everything of one stack lives, and which account its servers run as.

DIR/env            what tests source                 DIR/etc   configuration, secrets (0600)
DIR/run/NAME.pid   the real processes                DIR/log   NAME.log
DIR/postgres       the database cluster              DIR/rabbitmq  the broker's data
DIR/home           home of the servers' account (Erlang's cookie)

As root the servers run as an unprivileged account: PostgreSQL refuses root, and
daemons with a fault must not own the machine.
"""

import os
import pwd
import re
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACCOUNT = os.environ.get("GROWHUB_STACK_ACCOUNT", "nobody")


class StackError(Exception):
    """A reason to tell the caller; ends the command with a non-zero status."""


def program(name):
    """Path of one of our programs: $GROWHUB_BIN, else the chosen build profile."""
    profile = os.environ.get("GROWHUB_PROFILE", "release")
    folder = os.environ.get("GROWHUB_BIN") or os.path.join(REPO, "build", profile, "bin")
    return os.path.join(os.path.abspath(folder), name)


class Layout:
    """The paths of one stack directory."""

    def __init__(self, directory):
        self.dir = os.path.realpath(directory)
        # The path is pasted into configuration files and shell-like settings.
        if not re.fullmatch(r"[^\s\"'\\$`#;]+", self.dir):
            raise StackError(f"{self.dir}: use a directory without blanks, quotes, $ or # in its path")
        for part in ("env", "etc", "home", "lock", "log", "postgres", "rabbitmq", "run"):
            setattr(self, part, os.path.join(self.dir, part))
        self.account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None

    def conf(self, name):
        return os.path.join(self.etc, f"{name}.conf")

    def log_file(self, name):
        return os.path.join(self.log, f"{name}.log")

    def pid_file(self, name):
        return os.path.join(self.run, f"{name}.pid")

    def as_account(self):
        """Popen arguments that drop root."""
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def require(self):
        if not os.path.isdir(self.etc):
            raise StackError(f"{self.dir}: no stack here (run 'up' first)")

    def make(self):
        """Create the directories; a closed ancestor is an error that names the remedy."""
        os.makedirs(self.dir, mode=0o711, exist_ok=True)
        if self.account is not None:
            mode = os.stat(self.dir).st_mode & 0o777
            if not mode & 0o001:
                os.chmod(self.dir, 0o711)
            self.check_reachable(self.dir)
        for path in (self.log, self.run):
            os.makedirs(path, mode=0o755, exist_ok=True)
        for path in (self.etc, self.home):
            self.make_private(path)

    def make_private(self, path):
        os.makedirs(path, mode=0o700, exist_ok=True)
        self.give(path)

    def give(self, path):
        """Hand a file or directory to the servers' account."""
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def write_private(self, path, text):
        """Write a 0600 file of the servers' account, whole or not at all."""
        fresh = f"{path}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        self.give(fresh)
        os.replace(fresh, path)

    def check_reachable(self, path):
        """As root: the account must be able to walk to path, else say what closes the way."""
        if self.account is None:
            return
        step = "/"
        for part in path.strip("/").split("/"):
            step = os.path.join(step, part)
            if subprocess.run(["/usr/bin/test", "-x", step], **self.as_account()).returncode != 0:
                raise StackError(
                    f"{step} is closed to the account '{self.account.pw_name}', which runs the "
                    f"servers: 'chmod o+x {step}', or use a directory elsewhere (for example below /srv)"
                )
