"""libcommon/db against the stack's PostgreSQL: runs the C program db_smoke."""

import os
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = "build/asan/integration/db_smoke"


def test_db_smoke(env):
    """Types, pipelining, errors in a unit, reconnect, transactions, notify, batches."""
    subprocess.run(["make", "-s", "PROFILE=asan", PROGRAM], cwd=REPO, check=True, timeout=300)
    ended = subprocess.run([os.path.join(REPO, PROGRAM)], env=dict(os.environ, **env),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout
