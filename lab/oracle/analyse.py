"""analyse.py DIRECTORY [SECONDS]: what the guest oracle saw: which instances run where, and whether one ran twice.

Reads the ticks that the guests write (guest.c) and nothing else. With SECONDS only what ended within the last SECONDS
is looked at. Exit status 1 when an instance ran on two hosts, or twice on one, at overlapping times.

A run covers the time from its first tick to one tick after its last: a guest that was killed may have lived until then.
Two runs of one instance overlap when those times do, so the answer "twice" errs on the strict side by one tick.
As a module: `Oracle(directory)`; times are CLOCK_MONOTONIC in seconds, `utc` converts.
"""
import collections
import datetime
import os
import sys
import time

TICK_S = 0.1
SILENT_S = 1.0  # a guest that has not ticked for so long does not run; ten ticks, because the machine may be busy
Run = collections.namedtuple("Run", "uuid host first last")
Overlap = collections.namedtuple("Overlap", "uuid first second seconds")


def utc(monotonic):
    """A CLOCK_MONOTONIC time as a datetime in UTC."""
    return datetime.datetime.fromtimestamp(time.time() - time.monotonic() + monotonic, datetime.timezone.utc)


def last_tick(path):
    """The last whole line of a file of ticks; None when there is none yet."""
    with open(path, "rb") as f:
        f.seek(max(0, os.fstat(f.fileno()).st_size - 64))
        lines = f.read().rpartition(b"\n")[0].split(b"\n")
    return float(lines[-1]) if lines[-1] else None


class Oracle:
    """The ticks in one directory. Every call reads anew."""

    def __init__(self, directory):
        self.directory = directory

    def runs(self, since=0.0):
        """Every run that had a tick at `since` or later, oldest first."""
        found = []
        for name in os.listdir(self.directory):
            words = name.split("@")
            if len(words) != 3 or name.endswith(".former"):
                continue
            try:
                last = last_tick(os.path.join(self.directory, name))
            except FileNotFoundError:
                continue
            if last is not None and last >= since:
                found.append(Run(words[0], words[1], float(words[2]), last))
        return sorted(found, key=lambda run: run.first)

    def running(self):
        """{uuid: set of hosts} of the guests that tick now."""
        hosts = collections.defaultdict(set)
        for run in self.runs(time.monotonic() - SILENT_S):
            hosts[run.uuid].add(run.host)
        return dict(hosts)

    def twice(self, since=0.0):
        """Pairs of runs of one instance that overlap in time."""
        by_uuid = collections.defaultdict(list)
        for run in self.runs(since):
            by_uuid[run.uuid].append(run)
        found = []
        for uuid, runs in by_uuid.items():
            for i, a in enumerate(runs):
                for b in runs[i + 1:]:
                    overlap = min(a.last, b.last) + TICK_S - b.first
                    if overlap > 0:
                        found.append(Overlap(uuid, a, b, overlap))
        return found

    def came_up(self, uuid, host, since):
        """When the instance first ticked on another host than `host`, at or after `since`; None: it has not."""
        times = [run.first for run in self.runs(since) if run.uuid == uuid and run.host != host and run.first >= since]
        return min(times, default=None)

    def forget(self):
        """Remove the ticks of guests that no longer run; returns how many files went."""
        gone, before = 0, time.monotonic() - SILENT_S
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            try:
                last = last_tick(path.removesuffix(".former"))
                if last is not None and last < before:
                    os.unlink(path)
                    gone += 1
            except FileNotFoundError:
                continue
        return gone


def main(directory, seconds=None):
    oracle = Oracle(directory)
    since = time.monotonic() - float(seconds) if seconds else 0.0
    now = time.monotonic()
    for run in oracle.runs(since):
        state = "runs" if now - run.last < SILENT_S else "ended"
        print(f"{run.uuid} {run.host:12} {utc(run.first):%H:%M:%S.%f} to {utc(run.last):%H:%M:%S.%f} {state}")
    twice = oracle.twice(since)
    for overlap in twice:
        print(f"TWICE {overlap.uuid}: {overlap.first.host} and {overlap.second.host}, {overlap.seconds:.1f} s")
    print(f"{len(oracle.running())} instances run now, {len({o.uuid for o in twice})} ran twice")
    return 1 if twice else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
