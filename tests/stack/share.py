"""pytest plugin: several runs of the same tests share them out, file by file.

Every run collects everything and then claims one file after the other, those of
GROWHUB_SHARE_FIRST (blank-separated names) before the rest. A claim is a file in the
directory GROWHUB_SHARE: who creates it runs those tests, in their order, on its stack.
"""

import itertools
import os


def _claims(items):
    """The items of each file that nobody else has taken."""
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    first = os.environ.get("GROWHUB_SHARE_FIRST", "").split()
    rank = {name: i for i, name in enumerate(first)}
    for path in sorted(files, key=lambda p: rank.get(p.name, len(rank))):
        try:
            os.close(os.open(os.path.join(os.environ["GROWHUB_SHARE"], path.name),
                             os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield files[path]


def pytest_runtestloop(session):
    """pytest's own loop over what is claimed meanwhile; the next test decides which fixtures
    stay, so the next file is claimed before the last test of one runs."""
    if session.testsfailed:
        raise session.Interrupted("errors during collection")
    ahead = itertools.chain.from_iterable(_claims(session.items))
    item = next(ahead, None)
    while item is not None:
        following = next(ahead, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True
