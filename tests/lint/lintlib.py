"""What the check scripts share: the list of files, C text without comments, reporting, a cache."""

import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Kept below build/; several clones on one machine may share another place (content decides).
CACHE = os.environ.get("GROWHUB_LINT_CACHE") or os.path.join(REPO, "build", "lint")
SKIPPED_DIRS = {".git", "build", "__pycache__", ".pytest_cache"}
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', re.S)


def files(*suffixes):
    """Paths of all source files (relative to the repository) with one of the suffixes."""
    found = []
    for top, dirs, names in os.walk(REPO):
        dirs[:] = sorted(d for d in dirs if d not in SKIPPED_DIRS)
        found += [os.path.relpath(os.path.join(top, n), REPO) for n in sorted(names)
                  if n.endswith(suffixes) and not os.path.islink(os.path.join(top, n))]
    return found


def read(path):
    with open(os.path.join(REPO, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def blank(text, keep_strings=False):
    """C text with comments (and string contents) replaced by spaces; line numbers stay."""
    def replace(match):
        token = match[0]
        if token[0] == '"':
            return token if keep_strings else '"' + " " * (len(token) - 2) + '"'
        if token[0] == "'":
            return "'" + " " * (len(token) - 2) + "'"
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(problems, checked_count, what):
    """Print and exit: 1 with problems, or when nothing was there to check."""
    for problem in problems:
        print(problem)
    if checked_count == 0:
        print(f"nothing to check: no {what}")
    print(f"{checked_count} {what}, {len(problems)} problems")
    sys.exit(1 if problems or checked_count == 0 else 0)


def compile_flags():
    """The flags that decide what a source means; warnings belong to the build."""
    pg = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True).stdout.strip()
    return ["-std=c11", "-D_GNU_SOURCE", "-Ilibcommon", "-isystem", pg or "/usr/include/postgresql"]


def closure(path, seen=None):
    """path and all our headers it includes, directly or not."""
    seen = set() if seen is None else seen
    if path in seen:
        return seen
    seen.add(path)
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M):
        for folder in ("libcommon", os.path.dirname(path), ""):
            target = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(os.path.join(REPO, target)):
                closure(target, seen)
                break
    return seen


def run_cached(kind, paths, command, salt):
    """Run command(path) -> argv for each path, in parallel; returns [(path, output)] of failures.

    A success is remembered under the hash of salt, the file and all its headers, so
    that only what changed is checked again.
    """
    folder = os.path.join(CACHE, kind)
    os.makedirs(folder, exist_ok=True)

    def one(path):
        digest = hashlib.sha256(salt.encode())
        for part in sorted(closure(path)):
            digest.update(part.encode() + b"\0" + read(part).encode())
        mark = os.path.join(folder, digest.hexdigest())
        if os.path.exists(mark):
            os.utime(mark)
            return path, ""
        done = subprocess.run(command(path), cwd=REPO, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode == 0:
            open(mark, "w").close()
            return path, ""
        return path, (done.stdout or done.stderr).strip() or f"ended with {done.returncode}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [(path, output) for path, output in pool.map(one, paths) if output]
