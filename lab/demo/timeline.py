"""timeline.py: what a person sees: one line per thing that happened, and a bar of instances that came back.

Colours and the moving bar only on a terminal; into a file or a pipe go plain lines. It shows, it decides nothing.
"""
import sys
import textwrap
import threading
import time

STYLES = {"fault": "1;31", "seen": "33", "state": "1;36", "fence": "35", "nova": "34", "back": "32", "hold": "1;33",
          "operator": "1;34", "note": "2", "ok": "32", "bad": "1;31"}
# kinds of incident events -> label and style; an unknown kind is shown by its own name
KINDS = {"observed": ("seen", "seen"), "claim": ("claim", "seen"), "state": ("state", "state"), "unclear": ("doubt", "seen"),
         "confirming": ("confirm", "seen"), "tolerated": ("tolerated", "hold"), "hold": ("HELD", "hold"), "alarm": ("ALARM", "bad"),
         "would_fence": ("would", "hold"), "hold_released": ("released", "note"), "request": ("operator", "operator"),
         "fence_command": ("fence", "fence"), "power_off_proven": ("proof", "fence"), "proof_void": ("no proof", "bad"),
         "nova_told": ("nova", "nova"), "listed": ("listed", "nova"), "evacuate_sent": ("evacuate", "nova"),
         "instance_back": ("back", "back"), "instance_failed": ("retry", "bad"), "step_failed": ("failed", "bad"),
         "resumed": ("resumed", "operator"), "closed": ("closed", "ok")}
QUIET = {"evacuate_sent", "instance_back"}  # twenty of each: the bar tells them
SAID_BY_ANOTHER = {"fenced", "evacuating"}  # states whose reason the line before has just said
WIDTH = 118


class Timeline:
    """Prints to standard output; may be called from several threads."""

    def __init__(self, out=sys.stdout):
        self.out, self.lively, self.lock = out, out.isatty(), threading.Lock()
        self.zero, self.bar, self.shown, self.seen_kinds, self.last_event = time.monotonic(), "", None, {}, None

    def paint(self, style, text):
        """The text in that style."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.lively and style in STYLES else text

    def fault(self, what):
        """The moment that all times count from."""
        self.zero, self.shown, self.seen_kinds = time.monotonic(), None, {}
        self.line("fault", "fault", what)

    def line(self, style, label, text, at=None):
        """One thing that happened, now or at a CLOCK_MONOTONIC time."""
        clock = f"{(at or time.monotonic()) - self.zero:+7.1f} s"
        lines = textwrap.wrap(text, WIDTH - 21) or [""]
        with self.lock:
            self._wipe()
            print(f"{clock}  {self.paint(style, f'{label:<9}')} {lines[0]}", file=self.out)
            for more in lines[1:]:
                print(" " * 21 + more, file=self.out)
            self._draw()

    def plain(self, text=""):
        """A line outside the story."""
        with self.lock:
            self._wipe()
            print(text, file=self.out, flush=True)

    def event(self, host, event, at):
        """One event of an incident."""
        kind, reason = event["kind"], event["reason"]
        if (host, kind, reason["text"]) == self.last_event:
            return  # said again, as a command that is repeated
        self.last_event = (host, kind, reason["text"])
        label, style = KINDS.get(kind, (kind[:9], "note"))
        if kind in QUIET:
            self.seen_kinds[kind] = self.seen_kinds.get(kind, 0) + 1
            if self.seen_kinds[kind] > 1:
                return
        text = reason["text"]
        if kind == "state" and (data := reason.get("data") or {}).get("to"):
            text = f"{self.paint('state', data['from'] + ' → ' + data['to'])}: {text}"
            if data["to"] in SAID_BY_ANOTHER:
                text = text.partition(":")[0]
        if not reason["text"].startswith(host):
            text = f"{host} {text}"
        self.line(style, label, f"{text}  {self.paint('note', '[' + reason['code'] + ']')}", at)

    def progress(self, back, total):
        """How many instances run again on another host."""
        if not total or (back, total) == self.shown:
            return
        self.shown = (back, total)
        if self.lively:
            with self.lock:
                self._wipe()
                done = round(40 * back / total)
                self.bar = f"{'':11} {self.paint('back', 'back'.ljust(9))} {self.paint('back', '█' * done)}{'░' * (40 - done)} {back} of {total} instances run again"
                self._draw()
        elif back in (0, total) or back * 4 // total != (back - 1) * 4 // total:
            self.line("back", "back", f"{back} of {total} instances run again on another host")
        if back == total and self.lively:
            with self.lock:
                self._wipe()
                print(self.bar, file=self.out, flush=True)
                self.bar = ""

    def _wipe(self):
        if self.bar:
            self.out.write("\r\x1b[2K")

    def _draw(self):
        if self.bar:
            self.out.write(self.bar)
        self.out.flush()
