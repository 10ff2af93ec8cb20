"""Lanes without lost wake-ups: runs the C program lanes on a database of its own."""

import contextlib
import os
import subprocess

from life import Databases
from paths import REPO

PROGRAM = "build/asan/integration/lanes"


def test_claims_and_finishes_interleaved(env):
    subprocess.run(["make", "-s", "PROFILE=asan", PROGRAM], cwd=REPO, check=True, timeout=300)
    with contextlib.closing(Databases(env)) as databases:
        ended = subprocess.run(
            [os.path.join(REPO, PROGRAM)],
            env=dict(os.environ, GROWHUB_DATABASE_URL=databases.make_migrated()),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stdout
