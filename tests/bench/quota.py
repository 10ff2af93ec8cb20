"""CPU quotas of single processes: a control group for each, version 1 or 2, gone at the end."""

import contextlib
import os
import re

PREFIX = "growhub-bench-"
PERIOD_US = 20_000  # short: a process that used its part up should not rest for long
QUOTA_MIN_US = 1000  # the kernel's; a smaller share makes the period longer


class QuotaError(Exception):
    """Why this machine lets us set none."""


class Quota:
    """As many groups as processes are to be held; each gets `share` of one core."""

    def __init__(self, share):
        self.root, self.is_v2 = _root()
        self.share = share
        self.groups = []

    @contextlib.contextmanager
    def hold(self):
        """While the block runs, put() may be used."""
        try:
            _sweep(self.root)
            yield self
        except PermissionError as e:
            raise QuotaError(f"{e.filename}: {e.strerror}") from e
        finally:
            for group in self.groups:
                _remove(self.root, group)

    def put(self, pid):
        """Hold this process, all its threads included, from now on."""
        group = os.path.join(self.root, f"{PREFIX}{os.getpid()}-{len(self.groups)}")
        os.mkdir(group)
        self.groups.append(group)
        quota_us = max(QUOTA_MIN_US, round(PERIOD_US * self.share))
        period_us = round(quota_us / self.share)
        if self.is_v2:
            _write(group, "cpu.max", f"{quota_us} {period_us}")
        else:
            _write(group, "cpu.cfs_period_us", period_us)
            _write(group, "cpu.cfs_quota_us", quota_us)
        _write(group, "cgroup.procs", pid)


def _root():
    """The top group that has the cpu controller, and whether it is of version 2."""
    with open("/proc/self/mounts") as f:
        mounts = [line.split() for line in f]
    for _, path, kind, options, *_ in mounts:
        if kind == "cgroup" and "cpu" in options.split(","):
            return path, False
    for _, path, kind, *_ in mounts:
        if kind == "cgroup2" and "cpu" in _read(path, "cgroup.subtree_control").split():
            return path, True
    raise QuotaError("no control groups with a cpu controller are mounted")


def _sweep(root):
    """Groups of a run that was killed."""
    for name in os.listdir(root):
        owner = re.fullmatch(rf"{PREFIX}(\d+)-\d+", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            _remove(root, os.path.join(root, name))


def _remove(root, group):
    """A group goes when nobody is in it; who is still there goes back to the top."""
    for pid in _read(group, "cgroup.procs").split():
        with contextlib.suppress(ProcessLookupError):
            _write(root, "cgroup.procs", pid)
    os.rmdir(group)


def _read(group, name):
    with open(os.path.join(group, name)) as f:
        return f.read()


def _write(group, name, value):
    with open(os.path.join(group, name), "w") as f:
        f.write(str(value))
