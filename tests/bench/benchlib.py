"""What the benchmarks share: a stack of their own, facts of machine and build, the table,
the result file build/bench/NAME.json.

BENCH_SECONDS (default 5) is the length of one measurement of a round.
"""

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, "tests", "stack"))

import psycopg  # noqa: E402

import api  # noqa: E402
import envfile  # noqa: E402
import paths  # noqa: E402
import postgres  # noqa: E402
import process  # noqa: E402

OUT = os.path.join(REPO, "build", "bench")
STACK = os.path.join(REPO, "tests", "stack", "stack")
ROUNDS = 3
CONNECTIONS = 64
STOP_SECONDS = 35  # a daemon drains for at most 30 s
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))


class BenchError(Exception):
    """A reason why there is no result."""


@contextlib.contextmanager
def stack(name, *flags):
    """A fresh stack in build/bench/NAME while the block runs; gives its variables."""
    directory = os.path.join(OUT, name)
    if os.path.exists(os.path.join(directory, "etc", "plan.json")):
        _stack("down", directory)  # what a killed run may have left
    subprocess.run(["rm", "-rf", directory], check=True)
    os.makedirs(OUT, mode=0o755, exist_ok=True)
    if not _stack("up", directory, *flags):
        raise BenchError("the stack did not come up")
    try:
        yield {"DIR": directory, **envfile.read(os.path.join(directory, "env"))}
    finally:
        _stack("down", directory)


def owner_url(env):
    """The daemons' own database URL: the one role that may write."""
    with open(env["GROWHUB_CONF"]) as f:
        return re.search(r'db:.*?url = "([^"]+)"', f.read())[1]


def run(argv):
    """Standard output of a command; BenchError with its words when it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f"{os.path.basename(argv[0])} ended with {done.returncode}:\n"
                         f"{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def stop(env, name):
    """End a process of the stack as its supervisor would; returns when it is gone."""
    with open(os.path.join(env["DIR"], "run", f"{name}.pid")) as f:
        pid = int(f.read())
    _stack_or_fail("kill", env["DIR"], name, "TERM")
    if not process.wait_gone([pid], STOP_SECONDS):
        raise BenchError(f"{name} did not end within {STOP_SECONDS} s")


def restart(env, name):
    """Start a process of the stack again, dead or alive; returns when it is ready."""
    _stack_or_fail("restart", env["DIR"], name)


def configure(env, name, text):
    """Put keys into the daemon's own section; they count from its next start on."""
    path = os.path.join(os.path.dirname(env["GROWHUB_CONF"]), f"{name}.conf")
    with open(path, "r+") as f:
        whole = f.read().replace("admin_listen =", f"{text} admin_listen =", 1)
        f.seek(0)
        f.write(whole)


def metrics(env, name):
    """{name with labels: value} of a daemon's /metrics."""
    urls = dict(pair.split("=", 1) for pair in env["GROWHUB_ADMIN_URLS"].split())
    with urllib.request.urlopen(f"{urls[name]}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines
                                                 if line and line[0] != "#")}


def program(name):
    return paths.program(name)


def postgres_program(name):
    return os.path.join(postgres.Postgres(None, 0, {}).bin, name)


def measure(subjects):
    """Interleaved rounds: {name: function} -> {name: [what the function gave, per round]}.
    Interleaving lets whatever else the machine does meet all subjects alike."""
    results = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, function in subjects.items():
            results[name].append(function())
    return results


def median(values):
    return statistics.median(values)


def spread(values):
    """Distance of the extremes in per cent of the median."""
    return 100 * (max(values) - min(values)) / median(values)


def table(header, rows):
    """Print columns; the first is text, the others are numbers already formatted."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join([str(row[0]).ljust(widths[0]), *cells]))


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.M)
    with open("/proc/meminfo") as f:
        memory_kib = int(re.search(r"^MemTotal:\s*(\d+)", f.read(), re.M)[1])
    return {
        "cpu": model[1] if model else platform.machine(), "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / 2**20, 1), "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions():
    git = ["git", "-C", REPO]
    commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "growhub": run([program("growhub-gateway"), "-V"]).strip(),
        "postgresql": run([postgres_program("postgres"), "--version"]).split()[2],
        "rabbitmq": run(["dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server"]),
    }


def figure(name, value, unit, bar=None, want=None, is_cost=False):
    """One line of the table of issue 4. is_cost: less is better."""
    met = None if bar is None else (value <= bar if is_cost else value >= bar)
    return {"name": name, "value": round(value, 2), "unit": unit, "bar": bar, "want": want,
            "is_cost": is_cost, "met": met}


def main(name, bench):
    """Run bench(), a function that gives {"figures": [the main one first], ...}, print and
    keep what it gave. Gives the exit status."""
    facts = machine()
    print(f"{facts['cores']} cores {facts['cpu']}, {facts['memory_gib']} GiB, Linux {facts['kernel']}, "
          f"load before {facts['load_before']}", flush=True)
    try:
        result = bench()
        _write_result(name, {"machine": facts, "versions": versions(), "rounds": ROUNDS,
                             "seconds": SECONDS, **result})
    except (BenchError, psycopg.Error, api.ApiError, OSError) as e:
        print(f"bench-{name}: {e}", file=sys.stderr)
        return 1
    first = result["figures"][0]
    is_ratio = first["unit"] == "x"
    print(f"ratio: {first['value']:.2f}" if is_ratio else f"value: {first['value']:g} {first['unit']}",
          flush=True)
    return 0


def _write_result(name, result):
    """build/bench/NAME.json."""
    path = os.path.join(OUT, f"{name}.json")
    with open(path, "w") as f:
        json.dump({"bench": name, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **result}, f,
                  indent=1)
        f.write("\n")
    print(f"written: {os.path.relpath(path, REPO)}")


def _stack_or_fail(*words):
    if not _stack(*words):
        raise BenchError(f"stack {' '.join(words)} failed")


def _stack(*words):
    return subprocess.run([STACK, *words], env={**os.environ, "GROWHUB_PROFILE": "release"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0
