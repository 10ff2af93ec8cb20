"""Lanes without lost wake-ups: runs the C program lanes on a database of its own."""

import glob
import json
import os
import subprocess

import psycopg
import psycopg.conninfo

from life import Databases

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = "build/asan/integration/lanes"


def test_claims_and_finishes_interleaved(env):
    subprocess.run(["make", "-s", "PROFILE=asan", PROGRAM], cwd=REPO, check=True, timeout=300)
    databases = Databases(env)
    try:
        name = databases.make()
        etc = os.path.dirname(env["GROWHUB_CONF"])
        with open(os.path.join(etc, "passwords.json"), encoding="utf-8") as f:
            password = json.load(f)["growhub"]
        conninfo = psycopg.conninfo.make_conninfo(
            env["GROWHUB_DATABASE_URL"], user="growhub", password=password, dbname=name)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for path in sorted(glob.glob(os.path.join(REPO, "schema", "*.sql"))):
                with open(path, encoding="utf-8") as f:
                    connection.execute(f.read())
        ended = subprocess.run([os.path.join(REPO, PROGRAM)],
                               env=dict(os.environ, GROWHUB_DATABASE_URL=conninfo),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               timeout=120, check=False)
        assert ended.returncode == 0, ended.stdout
    finally:
        databases.close()
