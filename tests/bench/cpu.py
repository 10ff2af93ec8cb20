"""CPU time per process of a stack, children included, from /proc."""

import os
import resource

TICKS = os.sysconf("SC_CLK_TCK")


def processes(directory):
    """{name: pid} of the stack's processes (DIR/run/NAME.pid)."""
    run = os.path.join(directory, "run")
    found = {}
    for name in sorted(os.listdir(run)):
        if name.endswith(".pid"):
            with open(os.path.join(run, name)) as f:
                found[name.removesuffix(".pid")] = int(f.read())
    return found


def seconds(pids):
    """{name: CPU seconds so far} of each process with all its descendants, those that have
    ended included; and of our own children, which are the load generators."""
    rows = _stat_rows()
    children = {}
    for pid, (parent, _) in rows.items():
        children.setdefault(parent, []).append(pid)
    used = {name: _tree(pid, rows, children) / TICKS for name, pid in pids.items()}
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    used["load generator"] = own.ru_utime + own.ru_stime
    return used


def _tree(pid, rows, children):
    ticks = rows[pid][1] if pid in rows else 0
    return ticks + sum(_tree(child, rows, children) for child in children.get(pid, []))


def _stat_rows():
    """{pid: (parent, ticks)}; ticks of a process and of the children it has waited for."""
    rows = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        rows[int(pid)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return rows
