"""What is sent: steps in their order, the same for every side.

A step's text may hold names in `@...@`, which each side replaces by what it has itself: `@NAME@` is the uuid of the answer that an
earlier step kept as NAME, `@NAME.id@` its integer id, `@project@` the id of the project of all tokens. `@nil@` is a uuid that nothing has.
"""
import dataclasses
import json

NIL = "11111111-1111-4111-8111-111111111111"
JSON = ("Content-Type", "application/json")


@dataclasses.dataclass(frozen=True)
class Step:
    """One request; or, with `sql`, one statement in each side's database (the tables are the same on all)."""
    family: str
    method: str = ""
    path: str = ""
    headers: tuple = ()
    body: bytes | None = None
    token: str | None = "admin"
    keep: str | None = None
    sql: str | None = None
    drain: bool | None = None

    @property
    def name(self):
        """One line by which a person finds the request."""
        if self.sql or self.drain is not None:
            return f"{self.family}: {self.sql or f'drained {self.drain}'}"
        words = [self.method, self.path]
        if self.token != "admin":
            words.append(f"as {self.token}")
        words += [f"{key}: {value}" for key, value in self.headers if (key, value) != JSON]
        if self.body is not None:
            words.append(repr(self.body if len(self.body) < 300 else self.body[:150] + b"..." + self.body[-40:])[1:] + f" ({len(self.body)} bytes)")
        return f"{self.family}: {' '.join(words)}"


class Script:
    """The steps, in order; a table adds its own under a family name."""

    def __init__(self):
        self.steps, self.family = [], ""

    def of(self, family):
        self.family = family
        return self

    def ask(self, method, path, body=None, *, headers=(), token="admin", keep=None, media="application/json"):
        """A request. A body that is not bytes is sent as JSON; `media=None` leaves the Content-Type out."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and media is not None:
            headers = (("Content-Type", media), *headers)
        self.steps.append(Step(self.family, method, path, tuple(headers), body, token, keep))

    def get(self, path, **how):
        self.ask("GET", path, **how)

    def sql(self, statement):
        self.steps.append(Step(self.family, sql=statement))

    def drain(self, on):
        """Puts or takes away the file that drains a node."""
        self.steps.append(Step(self.family, drain=on))


def version(number):
    """The header of a microversion."""
    return (("OpenStack-API-Version", f"instance-ha {number}"),)
