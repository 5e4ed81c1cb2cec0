"""Sends a script to one side and keeps what came back, normalised: see `normal`."""
import http.client
import json
import re

from .script import NIL

# Not of the contract: they say which server speaks and how it frames its answers.
OF_THE_SERVER = {"date", "server", "connection", "keep-alive", "transfer-encoding"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOW = re.compile(r"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
ROW_ID = re.compile(r'("id": ?)\d+')
TIMEOUT_S = 30


class Side:
    """One API: what it has kept, and the names for its ids."""

    def __init__(self, name, stack):
        self.name, self.stack = name, stack
        self.port = stack.ports[name]
        self.kept = {"project": stack.project, "nil": NIL}
        self.has_vmoves = bool(stack.sql(name, "show tables like 'vmoves'"))  # the table came with release 15

    def play(self, script):
        """The answers, one for each step."""
        return [self.step(step) for step in script.steps]

    def step(self, step):
        if step.sql is not None:
            if "vmoves" not in step.sql or self.has_vmoves:
                self.stack.sql(self.name, self.filled(step.sql))
            return None
        if step.drain is not None:
            file = self.stack.dir / f"drain-{self.name}"
            file.touch() if step.drain else file.unlink(missing_ok=True)
            return None
        try:
            status, headers, body = self.send(step)
        except (OSError, http.client.HTTPException) as broken:
            return {"status": 0, "headers": {}, "body": f"no answer: {type(broken).__name__}"}
        if step.keep and status in (200, 201, 202):
            (row,) = json.loads(body).values()
            self.kept[step.keep] = row.get("uuid") or row["notification_uuid"]
            self.kept[f"{step.keep}.id"] = str(row["id"])
            self.kept[f"{step.keep}.upper"] = self.kept[step.keep].upper()
        return {"status": status, "headers": self.headers(headers, body), "body": self.body(body)}

    def filled(self, text):
        return re.sub(r"@([a-z][\w.-]*)@", lambda match: self.kept.get(match[1], match[0]), text)

    def send(self, step):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.putrequest(step.method, self.filled(step.path), skip_accept_encoding=True, skip_host=True)
            names = {name.lower() for name, _ in step.headers}
            if "host" not in names:
                connection.putheader("Host", f"127.0.0.1:{self.port}")
            token = self.stack.tokens[step.token]
            if token:
                connection.putheader("X-Auth-Token", token)
            for name, value in step.headers:
                connection.putheader(name, self.filled(value).encode("utf-8"))
            body = step.body
            if body is not None:
                body = self.filled(body.decode("latin-1")).encode("latin-1")
            if "content-length" not in names and (body is not None or step.method in ("POST", "PUT")):
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    # ---- what is the same on all sides when they agree

    def headers(self, headers, body):
        shown = {}
        for name, value in headers:
            name = name.lower()
            if name in OF_THE_SERVER:
                continue
            if name == "content-length":
                # White space differs; so a HEAD without a body says more or less of it.
                value = "that of the body" if int(value) == len(body) else "that of another body"
            if name == "x-openstack-request-id":
                value = re.sub(rf"^req-{UUID.pattern}$", "req-<uuid>", value)
            shown[name] = f"{shown[name]}, {self.text(value)}" if name in shown else self.text(value)
        if "vary" in shown:
            shown["vary"] = ", ".join(sorted(part.strip() for part in shown["vary"].split(",")))
        return shown

    def text(self, text):
        text = text.replace(f"127.0.0.1:{self.port}", "<host>").replace(str(self.stack.keystone), "<keystone>")
        for name, value in self.kept.items():
            if not name.endswith(".id") and value in text:
                text = text.replace(value, f"<{name}>")
        return UUID.sub("<uuid>", text)

    def body(self, body):
        """JSON with its key order, kinds of values and forms of numbers, without white space between them; anything else as it is."""
        text = self.text(body.decode("utf-8", "backslashreplace"))
        text = NOW.sub(lambda time: "<now>" + ("" if time[1] is None else ".000000" if time[1] == ".000000" else re.sub(r"\d", "n",
                                                            time[1])), text)
        try:
            value = json.loads(text, object_pairs_hook=Pairs, parse_float=Form, parse_int=Form)
        except ValueError:
            return text
        return ROW_ID.sub(r"\1<id>", json.dumps(value, cls=Ordered, ensure_ascii=False)) + ("\n" if text.endswith("\n") else "")


class Form(str):
    """A number as it was written."""


class Pairs(dict):
    """An object; duplicate keys would show as `!`."""

    def __init__(self, pairs):
        super().__init__()
        for key, value in pairs:
            self[key if key not in self else f"{key}!"] = value


class Ordered(json.JSONEncoder):
    """Writes numbers as they came."""

    def iterencode(self, o, _one_shot=False):
        yield shown(o)


def shown(value):
    if isinstance(value, Form):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
