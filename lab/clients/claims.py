"""claims.py: what the client checks share: claims as lines of JSON, and the requests that a client really sent.

Standard library only; it runs inside either interpreter.
"""
import collections
import importlib.metadata
import json
import sys
import urllib.parse

Request = collections.namedtuple("Request", "method path query version body status")


class Claims:
    """Prints {"what", "ok", "seen"} per claim to the standard output that it was made with."""

    def __init__(self):
        self.out, self.failed = sys.stdout, 0

    def hold(self, what, ok, seen):
        """One claim; `seen` is what an engineer wants to read when it failed."""
        self.failed += not ok
        print(json.dumps({"what": what, "ok": bool(ok), "seen": str(seen)[:300]}), file=self.out, flush=True)

    def same(self, what, found, wanted):
        """The claim that two values are equal."""
        self.hold(what, found == wanted, found if found == wanted else f"{found!r} instead of {wanted!r}")


class Wire:
    """Records the requests that any client in this process sends to the service `instance-ha`."""

    def __init__(self, port):
        import requests
        self.port, self.sent = port, []
        plain = requests.Session.send

        def send(session, prepared, **how):
            answer = plain(session, prepared, **how)
            url = urllib.parse.urlsplit(prepared.url)
            if url.port == port:
                self.sent.append(Request(prepared.method, url.path, dict(urllib.parse.parse_qsl(url.query)),
                                         prepared.headers.get("OpenStack-API-Version"), body_of(prepared), answer.status_code))
            return answer

        requests.Session.send = send

    def take(self):
        """The requests since the last take."""
        taken, self.sent = self.sent, []
        return taken


def body_of(prepared):
    """The JSON body of a request; None without one."""
    return json.loads(prepared.body) if prepared.body else None


def version_of(package):
    """The installed version of a Python package, as its own metadata tells it."""
    return importlib.metadata.version(package)
