"""From build/bench/NAME.json to the one table: figures, the bars of issue 4, met or not."""

import contextlib
import json
import os

import benchlib

HEADER = ["path", "figure", "bar", "want", "met"]

HOW_TO_READ = """\
Ratios count: both sides were measured in the same run on the same machine, in interleaved
rounds, and the figure is the ratio of the medians. Absolute numbers are of this machine,
where PostgreSQL, RabbitMQ, all daemons, the load generator and the simulator share the
cores; they are context.

- *durable accept*, *provider webhook in*: closed loop, 64 connections; each answer stands
  for a commit. The baseline is `pgbench`, 64 clients, one message and one outbox row each.
- *accept p99*: open loop; latency counts from when a send was due, not from when it was sent.
- *idle*: one message at a time through a whole GrowHub, clocks of one machine.
- *end to end*, *sends only*: the highest rate of an open loop at which the work that waits
  in the database does not grow over the counted run; CPU is of whole process trees, from
  the first send until everything is worked off.
- *relay*: one outbox row, one hint, against publishing the same hints without a relay; then
  with rows spread over companies, where the rows of a routing key share a hint.
- *growth*: requests per second with a long history against 10,000 messages, all of one company,
  in turns of a second; the median of the ratios of four turns each;
  by phone both sides are asked for the same 500 chats. "Any phone" asks for chats that nobody
  asked for lately: it is the price of fetching 20 pages that PostgreSQL does not hold.
- *two against one*: the same stack with the second process stopped and started. Senders are
  limited by the provider's latency and a small max_in_flight, relays and gateways by a CPU
  quota per process, so that what they share has room for two.
- *calls in flight*: senderd's own gauge, sampled ten times a second; p5: 95 % of the samples
  are not below. The share is that of the company that got least, of an equal one.
- *single message*: one at a time, beside a company whose backlog senderd works off meanwhile.
- *RSS*: resident memory as the kernel counts it, shared pages of libraries included (about
  10 MiB, which all daemons of a machine share); at load: the most seen.
- *floor*: what HTTP costs with nothing behind it: libcommon's server answering a constant,
  libcommon's client (libcurl) calling the simulator; 64 connections each. Set it against the
  gateway's and senderd's CPU per message below: no change of their own code goes under it. And
  PostgreSQL writing the rows of whole lives in batches and commits like the daemons', with no
  reading, comparing or network beside it: set it against PostgreSQL's CPU in *end to end*.
"""


def forget(name):
    """A result of an earlier run must not pass for one of this run."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(name))


def read(names):
    """The results there are, in this order."""
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError), open(_path(name)) as f:
            found.append(json.load(f))
    return found


def rows(found):
    """Cells of every figure, as HEADER says."""
    return [_row(figure) for result in found for figure in result["figures"]]


def markdown(found):
    """The text of RESULTS.md."""
    parts = ["# Results of `make bench`\n", _origin(found), _table(HEADER, rows(found)), HOW_TO_READ]
    for result in found:
        if "cpu_us" in result["results"]:
            parts.append(_cost(result))
    return "\n".join(parts)


def _path(name):
    return os.path.join(benchlib.OUT, f"{name}.json")


def _row(figure):
    sign = "<=" if figure["is_cost"] else ">="

    def limit(value):
        return "" if value is None else f"{sign} {value:g}"

    met = {None: "", True: "yes", False: "NO"}[figure["met"]]
    return [figure["name"], f"{figure['value']:g} {figure['unit']}", limit(figure["bar"]), limit(figure["want"]),
            met]


def _origin(found):
    if not found:
        return "No benchmark got through.\n"
    first = found[0]
    machine, versions = first["machine"], first["versions"]
    return (f"{first['at']}, commit {versions['commit']}, {versions['growhub']}, PostgreSQL "
            f"{versions['postgresql']}, RabbitMQ {versions['rabbitmq']}.\n"
            f"{machine['cores']} cores {machine['cpu']}, {machine['memory_gib']} GiB, Linux "
            f"{machine['kernel']}, load before {machine['load_before']}; {first['rounds']} rounds of "
            f"{first['seconds']} s.\n")


def _table(header, lines):
    """The first column is text, the others are numbers."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [header, rule, *lines])


def _cost(result):
    measured = result["results"]
    life = ", ".join(f"{count:.2f} {name}" for name, count in measured["per_message"].items())
    costs = sorted(measured["cpu_us"].items(), key=lambda item: -item[1])
    return (f"## Cost of a message: bench-{result['bench']}\n\n"
            f"{measured['rate']:.0f} msg/s; each message: {life}.\n\n"
            + _table(["process", "CPU us per message"], [[name, f"{us:.0f}"] for name, us in costs]))
