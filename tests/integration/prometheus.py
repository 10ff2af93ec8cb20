"""A strict reader of the Prometheus text form (http-conventions.md section 7).

read(text) returns {name: Family} or raises AssertionError with the line and the rule.
"""

import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
VALUE = re.compile(r"[+-]?(Inf|\d+(\.\d+)?([eE][+-]?\d+)?)|NaN")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Family:
    """All of one name: type, help, samples as {(suffix, labels): value} in order."""

    def __init__(self, name):
        self.name, self.type, self.help, self.samples = name, None, None, {}

    def of(self, suffix, **labels):
        return self.samples[(suffix, tuple(sorted(labels.items())))]


def read(text):
    assert text.endswith("\n"), "the last line does not end"
    assert "\r" not in text
    families, current = {}, None
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            current = _comment(families, current, line)
        else:
            _sample(current, line)
    for family in families.values():
        _check(family)
    return families


def _comment(families, current, line):
    """A HELP or TYPE line: it begins its family, or belongs to the one before."""
    _, word, name, rest = line.split(" ", 3)
    assert word in ("HELP", "TYPE"), line
    assert NAME.fullmatch(name), line
    if current is None or current.name != name:
        assert name not in families, f"{name} is not in one piece: {line}"
        current = families[name] = Family(name)
    assert not current.samples, f"comment behind samples: {line}"
    if word == "HELP":
        assert current.help is None, f"second HELP: {line}"
        assert re.fullmatch(r"([^\\]|\\[\\n])+", rest), f"escaping: {line}"
        current.help = rest
    else:
        assert current.type is None, f"second TYPE: {line}"
        assert rest in TYPES, line
        current.type = rest
    return current


def _sample(current, line):
    name = NAME.match(line)
    assert name and current is not None, f"no sample: {line!r}"
    suffix = name.group().removeprefix(current.name)
    assert name.group().startswith(current.name), f"sample of another family: {line}"
    allowed = ("_bucket", "_sum", "_count") if current.type == "histogram" else ("",)
    assert suffix in allowed, f"sample of another family: {line}"
    labels, at = {}, name.end()
    if line[at] == "{":
        at += 1
        while line[at] != "}":
            match = LABEL.match(line, at)
            assert match, f"label: {line}"
            assert match.group(1) not in labels, f"label twice: {line}"
            labels[match.group(1)] = match.group(2)
            at = match.end()
            assert line[at] in ",}", f"label: {line}"
            at += line[at] == ","
        at += 1
    assert line[at] == " " and VALUE.fullmatch(line[at + 1:]), f"value: {line}"
    key = (suffix, tuple(sorted(labels.items())))
    assert key not in current.samples, f"twice: {line}"
    current.samples[key] = float(line[at + 1:])


def _check(family):
    assert family.type and family.help, f"{family.name} lacks HELP or TYPE"
    assert family.name.startswith("growhub_"), family.name
    assert (family.type == "counter") == family.name.endswith("_total"), family.name
    if family.type == "counter":
        assert all(v >= 0 and math.isfinite(v) for v in family.samples.values()), family.name
    if family.type == "histogram":
        _check_histogram(family)


def _check_histogram(family):
    """Per label set: bounds rise, counts are cumulative, +Inf is there and equals _count."""
    rows = {}
    for (suffix, labels), value in family.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        row = rows.setdefault(rest, {"buckets": []})
        if suffix == "_bucket":
            row["buckets"].append((float(dict(labels)["le"]), value))
        else:
            assert suffix not in row and rest == labels, family.name
            row[suffix] = value
    for labels, row in rows.items():
        where = f"{family.name}{labels}"
        bounds = [bound for bound, _ in row["buckets"]]
        counts = [count for _, count in row["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, where
        assert counts == sorted(counts) and counts[-1] == row["_count"], where
        assert row["_sum"] >= 0, where
