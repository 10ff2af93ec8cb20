"""Free TCP ports for stacks that run side by side.

A port found free by binding it may be taken before the server binds it, and
while a killed server waits for its restart. So ports come from below the
kernel's ephemeral range, where only listeners are, and each one is claimed by a
file that names its stack; claims are made under one lock. A claim whose stack
directory is gone is stale and may be taken over.
"""

import contextlib
import fcntl
import os
import random
import socket

from paths import StackError

REGISTRY = "/tmp/growhub-ports"
FIRST, LAST = 20000, 32767


def claim(directory, names, previous):
    """Claim a port for each name, the previous one where it is still free."""
    taken = {}
    with _locked_registry():
        for name in names:
            for port in _candidates(previous.get(name)):
                if port not in taken.values() and _claim_one(directory, port):
                    taken[name] = port
                    break
            else:
                raise StackError(f"no free port left between {FIRST} and {LAST} for {name}")
    return taken


def release(directory, ports):
    """Give back the claims; the ports themselves stay remembered by the stack."""
    with _locked_registry():
        for port in ports:
            if _owner(port) == directory:
                os.unlink(_file(port))


@contextlib.contextmanager
def _locked_registry():
    try:
        os.mkdir(REGISTRY)
        os.chmod(REGISTRY, 0o1777)
    except FileExistsError:
        pass
    fd = os.open(REGISTRY, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _candidates(previous):
    if previous:
        yield previous
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        ephemeral_first, ephemeral_last = map(int, f.read().split())
    ports = [p for p in range(FIRST, LAST + 1) if not ephemeral_first <= p <= ephemeral_last]
    yield from random.sample(ports, len(ports))


def _claim_one(directory, port):
    owner = _owner(port)
    if owner not in (None, directory) and os.path.isdir(owner):
        return False
    if not _is_free(port):
        return False
    try:
        if owner is not None:
            os.unlink(_file(port))
        with open(_file(port), "x") as f:
            f.write(directory)
    except (FileExistsError, PermissionError):
        return False  # a stale claim of another user, who alone may remove it
    return True


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
        except OSError:
            return False
    return True


def _owner(port):
    try:
        with open(_file(port)) as f:
            return f.read()
    except FileNotFoundError:
        return None
    except PermissionError:
        return "/"  # of a user who hides it: never stale


def _file(port):
    return os.path.join(REGISTRY, str(port))
