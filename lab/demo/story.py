"""story.py: one playing of one scenario: who is hit, what runs where, when the fault came, and how to wait for things."""
import datetime
import time

from demo.labtool import until
from demo.watch import Watch


class Story:
    """Made when the stage is set; the scenario's functions and the checks get it as their argument."""

    def __init__(self, lab, themis, timeline, victim, periods):
        self.lab, self.themis, self.timeline, self.victim, self.periods = lab, themis, timeline, victim, periods
        self.nova = lab.cloud()
        self.others = [h for h in lab.hosts() if h != victim]
        running = lab.oracle.running()
        self.all = set(running)
        self.mine = {uuid for uuid, hosts in running.items() if victim in hosts}
        self.began, self.began_mono = now(), time.monotonic()
        self.t_fault = self.mono_fault = None
        self.progress = False  # whether instances are expected to come back elsewhere
        # what a scenario did besides, for its checks; how long the gate's log was
        self.claims = []  # checks made in the course of the play
        self.facts = {"gate": len(lab.log("nova-gate"))}
        self.watch = Watch(self)

    def fault(self, what):
        """Call right before the fault is injected: all times count from here."""
        self.timeline.fault(what)
        self.t_fault, self.mono_fault = now(), time.monotonic()

    def say(self, text):
        """A line of the lab's own doing."""
        self.timeline.line("operator", "lab", text)

    def claim(self, what, source, ok, seen):
        """A check that needs the moment: kept, and said at once when it fails."""
        self.claims.append({"what": what, "source": source, "ok": bool(ok), "seen": str(seen)})
        if not ok:
            self.timeline.line("bad", "FAILED", f"{what}: {seen}")

    def wait_kind(self, kind, seconds, host=None):
        """Until an event of that kind came for the host (the victim)."""
        until(f"event {kind} of {host or self.victim}", lambda: self.watch.saw(host or self.victim, kind), seconds, 0.1)

    def wait_state(self, state, seconds, host=None):
        """Until that host (the victim) entered a state."""
        until(f"{host or self.victim} {state}", lambda: (host or self.victim, state) in self.watch.entered, seconds, 0.1)

    def wait_back(self, seconds):
        """Until every instance of the victim runs on another host and every incident has ended."""
        until("every instance back on another host", lambda: not self.away(), seconds)
        until("the incident's end in the database", self.ended, 90)

    def away(self):
        """Instances of the victim that do not run on another host now."""
        running = self.lab.oracle.running()
        return {uuid for uuid in self.mine if not running.get(uuid, set()) - {self.victim}}

    def ended(self):
        """Whether there was an incident and none of those since the beginning is open."""
        incidents = self.themis.incidents(self.began)
        return bool(incidents) and all(i["status"] == "closed" for i in incidents)

    def look_on(self, seconds):
        """Let time pass in which something must not happen; the timeline goes on meanwhile."""
        time.sleep(seconds)


def now():
    """The time as a datetime in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)
