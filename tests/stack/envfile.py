"""DIR/env: shell-quoted NAME=value lines that scripts source and tests read."""

import os
import shlex


def write(path, values):
    """Write the file, 0600: it holds passwords."""
    fresh = f"{path}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        for name, value in values.items():
            f.write(f"{name}={shlex.quote(value)}\n")
    os.replace(fresh, path)


def read(path):
    """The variables as a dict; {} when there is no file."""
    try:
        with open(path) as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
