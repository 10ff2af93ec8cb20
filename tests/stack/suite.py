"""Run one suite of pytest files on fresh stacks of its own.

The stacks come up in DIR/1, DIR/2, ..., each with a pytest of its own; they share the
files out (share.py), because most tests wait for something most of the time. Then the
stacks go down, and the logs are read: a sanitizer report is a failure, whatever the
tests say. The data of a run stay for inspection until the next one.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import envfile
from paths import REPO

HERE = os.path.dirname(os.path.abspath(__file__))
STACK = os.path.join(HERE, "stack")
REPORT = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer)")


class Suite:
    """folder: the pytest files; directory: of the stacks, below the repository; flags: of
    `stack up`; workers: how many stacks; first: names of the files to begin with, the longest."""

    def __init__(self, folder, directory, flags=(), workers=1, first=()):
        self.folder, self.directory, self.flags = folder, directory, flags
        self.stacks = [os.path.join(directory, str(n + 1)) for n in range(workers)]
        self.share = os.path.join(directory, "share")
        self.first, self._output = first, threading.Lock()

    def run(self, arguments, variables=None):
        """(passed, failed). arguments go to pytest; variables join its environment."""
        self._down()  # what a killed run may have left
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.share)
        os.chmod(self.directory, 0o711)  # the servers' account walks through, whatever our umask
        passed, failed = 0, 1
        try:
            with ThreadPoolExecutor(len(self.stacks)) as pool:
                if all(pool.map(lambda d: self._stack("up", d, *self.flags), self.stacks)):
                    totals = pool.map(lambda d: self._run_pytest(d, arguments, variables or {}),
                                      self.stacks)
                    passed, failed = map(sum, zip(*totals))
        finally:
            failed += self._down()
        failed += self._sanitizer_reports()
        if failed:
            print(f"logs: {os.path.relpath(self.directory, REPO)}/*/log")
        return passed, failed

    def _stack(self, *words):
        return subprocess.run([STACK, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL).returncode == 0

    def _down(self):
        """Number of stacks that did not go down in order; `stack` has told why."""
        plans = glob.glob(os.path.join(self.directory, "*", "etc", "plan.json"))
        with ThreadPoolExecutor(len(plans) or 1) as pool:
            stacks = [os.path.dirname(os.path.dirname(path)) for path in plans]
            return sum(not is_done for is_done in pool.map(lambda d: self._stack("down", d), stacks))

    def _run_pytest(self, stack, arguments, variables):
        """Skipped tests count as failed: nothing may hide here."""
        report = os.path.join(stack, "pytest.xml")
        env = {**os.environ, **envfile.read(os.path.join(stack, "env")),
               "GROWHUB_STACK_DIR": stack, "GROWHUB_SHARE": self.share,
               "GROWHUB_SHARE_FIRST": " ".join(self.first),
               "PYTHONPATH": os.pathsep.join([HERE, *filter(None, [os.environ.get("PYTHONPATH")])]),
               "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", **variables}
        child = subprocess.Popen(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "share",
             "-o", "console_output_style=classic", "--tb=short", "--durations=5",
             f"--rootdir={self.folder}", f"--junitxml={report}", *(arguments or [self.folder])],
            env=env, cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")
        self._pass_on(child.stdout)
        status = child.wait()
        if not os.path.exists(report):
            return 0, 1
        totals = ET.parse(report).getroot().find("testsuite").attrib
        count = {k: int(totals[k]) for k in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"] + count["skipped"]
        if status != 0 and failed == 0:
            failed = 1
        return max(count["tests"] - failed, 0), failed

    def _pass_on(self, lines):
        """Print the lines of dots as they come, what is said about them in one piece."""
        told = []
        for line in lines:
            if told or line.startswith("="):
                told.append(line)
            else:
                self._print(line)
        self._print("".join(told))

    def _print(self, text):
        with self._output:
            sys.stdout.write(text)
            sys.stdout.flush()

    def _sanitizer_reports(self):
        """Number of logs with a report; prints what they say."""
        found = 0
        for name in sorted(glob.glob(os.path.join(self.directory, "*", "log", "*"))):
            with open(name, errors="replace") as f:
                lines = f.read().splitlines()
            first = next((i for i, line in enumerate(lines) if REPORT.search(line)), None)
            if first is not None:
                found += 1
                print(f"---- {os.path.relpath(name, REPO)}", *lines[first:first + 40], "----", sep="\n")
        return found
