"""Start, recognise, wait for and end the processes of one stack.

Every process carries MARK in its environment: a pid file alone cannot tell our
process from a stranger that got the same number later. The stack command is not
their parent for long, so death is read from /proc (a zombie counts as dead).
"""

import os
import resource
import signal
import subprocess
import time

from paths import REPO, StackError

MARK = "GROWHUB_STACK_PROCESS"
DESCRIPTORS = 65536  # Erlang sizes tables by this limit: not the machine's maximum
# Handed through to the daemons: sanitizer settings and fault injection of the caller.
PASS_PREFIXES = ("ASAN_", "UBSAN_", "TSAN_", "LSAN_", "GH_")


def environment(layout, **more):
    """A clean environment; nothing of the caller's leaks in but test settings."""
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": layout.home,
        "LANG": "C.UTF-8",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "GROWHUB_SCHEMA_DIR": os.path.join(REPO, "schema"),
    }
    env.update({k: v for k, v in os.environ.items() if k.startswith(PASS_PREFIXES)})
    env.update(more)
    return env


def spawn(layout, name, argv, env, cwd):
    """Start argv detached, as the servers' account, output to its log; write the pid file."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    env = {**env, MARK: f"{layout.dir}:{name}"}
    with open(layout.log_file(name), "ab") as log:
        child = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, **layout.as_account())
    child.returncode = 0  # it outlives this command: Popen must not complain
    fresh = f"{layout.pid_file(name)}.new"
    with open(fresh, "w") as f:
        f.write(f"{child.pid}\n")
    os.replace(fresh, layout.pid_file(name))


def run_once(layout, argv, env, stdin=None):
    """Run a command to its end as the servers' account; its output is the error's text."""
    env = {**env, MARK: f"{layout.dir}:command"}
    done = subprocess.run(argv, env=env, cwd=layout.dir, input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **layout.as_account())
    if done.returncode != 0:
        raise StackError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout.rstrip()}")
    return done.stdout


def pid_of(layout, name):
    """Pid of the living process NAME, or None."""
    try:
        with open(layout.pid_file(name)) as f:
            pid = int(f.read())
    except (FileNotFoundError, ValueError):
        return None
    return pid if state_of(pid) not in "ZX" and _mark(pid) in (None, f"{layout.dir}:{name}") else None


def state_of(pid):
    """The letter of /proc/PID/stat (R, S, T stopped, Z zombie ...); X when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def marked_pids(layout):
    """Living processes that carry this stack's mark, pid file or not."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        mark = _mark(int(entry))
        if mark and mark.startswith(f"{layout.dir}:") and state_of(int(entry)) not in "ZX":
            found.append(int(entry))
    return found


def send(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def wait_gone(pids, seconds):
    """True when all pids are dead before the time is over; reaps those that are our children."""
    deadline = time.monotonic() + seconds
    while any(state_of(pid) not in "ZX" for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
    return True


def stop(pids, sig, seconds):
    """Ask with sig, wait, then SIGKILL; returns the pids that had to be killed so.

    Stopped processes are woken so that they can obey, and only they: a SIGCONT takes back the
    SIGSTOP by which LeakSanitizer at a process's end waits for its threads, then for ever.
    """
    for pid in pids:
        send(pid, sig)
        if state_of(pid) == "T":
            send(pid, signal.SIGCONT)
    if wait_gone(pids, seconds):
        return []
    left = [pid for pid in pids if state_of(pid) not in "ZX"]
    for pid in left:
        send(pid, signal.SIGKILL)
    wait_gone(left, 10)
    return left


def wait_until(layout, name, is_ready, seconds):
    """Wait for is_ready(); a process that dies meanwhile is an error with its last words."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if pid_of(layout, name) is None:
            raise StackError(f"{name} died while starting; end of its log:\n{log_tail(layout, name)}")
        if time.monotonic() > deadline:
            raise StackError(f"{name} was not ready after {seconds} s; end of its log:\n"
                             f"{log_tail(layout, name)}")
        time.sleep(0.02)


def log_tail(layout, name, lines=12):
    try:
        with open(layout.log_file(name), errors="replace") as f:
            return "".join(f.readlines()[-lines:]).rstrip()
    except FileNotFoundError:
        return "(no log)"


def _mark(pid):
    """The MARK of a process; "" without one; None where we may not look (our own daemon
    that made itself undumpable)."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            variables = f.read().split(b"\0")
    except PermissionError:
        return None
    except (FileNotFoundError, ProcessLookupError):
        return ""
    prefix = f"{MARK}=".encode()
    return next((os.fsdecode(v[len(prefix):]) for v in variables if v.startswith(prefix)), "")
