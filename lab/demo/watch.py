"""watch.py: looks on while a scenario is played: incident events from Themis's API, instances from the guest
oracle. Feeds the timeline and answers "has this happened yet"; what is checked afterwards is read elsewhere.
"""
import threading
import time

from demo.labtool import LabError
from demo.themis import moment

POLL_S = 0.25


class Watch(threading.Thread):
    """Runs from `start()` until `end()`."""

    def __init__(self, story):
        super().__init__(daemon=True)
        self.story, self.timeline = story, story.timeline
        self.over = threading.Event()
        self.kinds = {}     # (host name, kind) -> times seen
        self.entered = set()  # (host name, state)
        self._last, self._trouble = {}, None

    def end(self):
        """Stop looking; returns when the last look is done."""
        self.over.set()
        self.join(30)

    def saw(self, host, kind):
        """Whether an event of that kind came for that host."""
        return self.kinds.get((host, kind), 0) > 0

    def run(self):
        while not self.over.wait(POLL_S):
            self._oracle()
            try:
                self._events()
                self._trouble = None
            except LabError as e:
                if str(e) != self._trouble:
                    self._trouble = str(e)
                    self.timeline.line("note", "note", f"the API does not answer: {e}")

    def _events(self):
        for incident in self.story.themis.get("/incidents")["incidents"]:
            if moment(incident["opened_at"]) < self.story.began:
                continue
            uuid, host = incident["uuid"], incident["host_name"]
            path = f"/incidents/{uuid}/events?after={self._last.get(uuid, 0)}"
            for event in self.story.themis.get(path)["events"]:
                self._last[uuid] = event["id"]
                key = (host, event["kind"])
                self.kinds[key] = self.kinds.get(key, 0) + 1
                self.entered.add((host, (event["reason"].get("data") or {}).get("to")))
                age = time.time() - moment(event["at"]).timestamp()
                self.timeline.event(host, event, time.monotonic() - age)

    def _oracle(self):
        story = self.story
        if story.t_fault is None or not story.progress:
            return
        running = story.lab.oracle.running()
        back = sum(1 for uuid in story.mine if running.get(uuid, set()) - {story.victim})
        self.timeline.progress(back, len(story.mine))
