"""Run one suite of pytest files on a fresh stack of its own.

The stack comes up in DIR, pytest gets its variables, the stack goes down, and the
logs are read: a sanitizer report is a failure, whatever the tests say. The data of
a run stay for inspection until the next one.
"""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import envfile
from paths import REPO

STACK = os.path.join(REPO, "tests", "stack", "stack")
REPORT = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer)")


class Suite:
    """folder: the pytest files; directory: of the stack, below the repository."""

    def __init__(self, folder, directory, flags=()):
        self.folder, self.directory, self.flags = folder, directory, flags

    def run(self, arguments, variables=None):
        """(passed, failed). arguments go to pytest; variables join its environment."""
        self._down()  # what a killed run may have left
        shutil.rmtree(self.directory, ignore_errors=True)
        passed, failed = 0, 1
        try:
            if self._stack("up", self.directory, *self.flags):
                passed, failed = self._run_pytest(arguments, variables or {})
        finally:
            self._down()
        failed += self._sanitizer_reports()
        if failed:
            print(f"logs: {os.path.relpath(self.directory, REPO)}/log")
        return passed, failed

    def _stack(self, *words):
        return subprocess.run([STACK, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL).returncode == 0

    def _down(self):
        if os.path.exists(os.path.join(self.directory, "etc", "plan.json")):
            self._stack("down", self.directory)

    def _run_pytest(self, arguments, variables):
        """Skipped tests count as failed: nothing may hide here."""
        report = os.path.join(self.directory, "pytest.xml")
        env = {**os.environ, **envfile.read(os.path.join(self.directory, "env")),
               "GROWHUB_STACK_DIR": self.directory, "PYTHONDONTWRITEBYTECODE": "1", **variables}
        status = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
             "--durations=5", f"--rootdir={self.folder}", f"--junitxml={report}",
             *(arguments or [self.folder])],
            env=env, cwd=REPO, stdin=subprocess.DEVNULL).returncode
        if not os.path.exists(report):
            return 0, 1
        totals = ET.parse(report).getroot().find("testsuite").attrib
        count = {k: int(totals[k]) for k in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"] + count["skipped"]
        if status != 0 and failed == 0:
            failed = 1
        return max(count["tests"] - failed, 0), failed

    def _sanitizer_reports(self):
        """Number of logs with a report; prints what they say."""
        found = 0
        log_dir = os.path.join(self.directory, "log")
        for name in sorted(os.listdir(log_dir)) if os.path.isdir(log_dir) else []:
            with open(os.path.join(log_dir, name), errors="replace") as f:
                lines = f.read().splitlines()
            first = next((i for i, line in enumerate(lines) if REPORT.search(line)), None)
            if first is not None:
                found += 1
                path = os.path.relpath(os.path.join(log_dir, name), REPO)
                print(f"---- {path}", *lines[first:first + 40], "----", sep="\n")
        return found
