"""Memory of processes from /proc, in MiB."""

import contextlib
import threading

SAMPLE_S = 0.05


def rss(pids):
    """{name: {"rss", "peak", "anon", "file"}} of {name: pid}: resident now and at most ever;
    of now: what is the process's own, and pages of programs and libraries, which all processes
    of the machine share."""
    return {name: _of(pid) for name, pid in pids.items()}


@contextlib.contextmanager
def watch(pids):
    """Fills the {name: most "rss" seen} that it gives until the block ends."""
    most, is_over = dict.fromkeys(pids, 0.0), threading.Event()

    def look():
        while not is_over.wait(SAMPLE_S):
            for name, row in rss(pids).items():
                most[name] = max(most[name], row["rss"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()


def _of(pid):
    with open(f"/proc/{pid}/status") as f:
        kib = {key: int(value.split()[0]) for key, value in
               (line.split(":", 1) for line in f) if key.startswith(("VmRSS", "VmHWM", "Rss"))}
    return {"rss": kib["VmRSS"] / 1024, "peak": kib["VmHWM"] / 1024,
            "anon": kib["RssAnon"] / 1024, "file": kib["RssFile"] / 1024}
