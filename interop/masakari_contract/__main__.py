"""python3 -m masakari_contract DIRECTORY RELEASE=PYTHON...: the same requests, in the same order, to Themis and to real Masakaris.

RELEASE is a name of ours (`debian`, `newest`), PYTHON the interpreter that has that masakari. Each answer of Themis must be Masakari's:
status, headers, body with its key order and forms of values; ids, times and request ids are normalised. What differs on purpose stands in
differences.py, each with its place in docs/operators/compatibility.md; it must be there, and it must still be seen. Exit status 1
when something else differs.
"""
import concurrent.futures
import os
import sys
import time

from . import asked_bodies, asked_paths, asked_stories
from .compare import compare, told
from .differences import DIFFERENCES, not_documented
from .replay import Side
from .script import Script
from .stack import Stack

TABLES = (asked_paths.paths, asked_paths.methods, asked_paths.microversions, asked_paths.accepts, asked_bodies.media, asked_bodies.raw,
          asked_bodies.segments, asked_bodies.hosts,
          asked_bodies.notifications, asked_stories.conflicts, asked_stories.in_use, asked_stories.lists, asked_stories.rights,
          asked_stories.middleware)
FINDINGS_MAX = int(os.environ.get("CONTRACT_FINDINGS", 25))
REQUESTS_MIN = 5000


def main(directory, *releases):
    pythons = dict(release.split("=", 1) for release in releases)
    script = Script()
    for table in TABLES:
        table(script)
    missing = not_documented()
    for where in missing:
        print(f"contract: not in docs/operators/compatibility.md: {where}")
    began = time.monotonic()
    with Stack(directory, {"themis": None, **pythons}) as stack:
        up = time.monotonic()
        # Each side at its own pace: nothing is shared but Keystone.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            played = {name: pool.submit(Side(name, stack).play, script) for name in stack.sides}
            answers = {name: future.result() for name, future in played.items()}
    print(f"contract: {len(script.steps)} steps; {up - began:.0f} s until all were up, {time.monotonic() - up:.0f} s of requests")
    failed, seen = bool(missing), set()
    for release in pythons:
        comparison = compare(release, script.steps, answers[release], answers["themis"])
        seen |= set(comparison.seen)
        asked = sum(answer is not None for answer in answers["themis"])
        print(f"contract: {release}: {asked} answers, {comparison.same} the same, {sum(comparison.seen.values())} uses of {len(comparison.seen)} differences, "
              f"{len(comparison.findings)} findings")
        failed |= bool(comparison.findings) or asked < REQUESTS_MIN
        for finding in comparison.findings[:FINDINGS_MAX]:
            print(told(*finding))
    for difference in DIFFERENCES:
        if difference.where not in seen and set(difference.releases) & set(pythons):
            failed = True
            print(f"contract: no longer seen, so neither allow it nor document it: {difference.where}")
    return int(failed)


sys.exit(main(*sys.argv[1:]))
