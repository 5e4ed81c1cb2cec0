"""themis.py: Themis from outside: its two command-line clients as an operator uses them, its API for the live timeline,
its database for what is checked. What a check believes is never taken from the API.
"""
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from datetime import datetime, timezone

from demo.labtool import LabError

CLIENT_S = 60  # the OpenStack client alone needs two seconds to start
API_S = 10


def moment(text):
    """A DATETIME(6) of the database, or a time of the API, as a datetime in UTC; None for NULL."""
    if text in (None, "NULL"):
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=timezone.utc)


class Themis:
    """One lab's Themis."""

    def __init__(self, lab):
        self.lab = lab
        self.url = lab.env["LAB_HA_URL"].removesuffix("/v1") + "/themis/v1"
        self.token = None

    # ---- clients

    def cli(self, *words, stdin=None):
        """Standard output of `themis WORDS`."""
        return self._client("themis", *words, stdin=stdin)

    def set_power_device(self, host, address, password):
        """Registers the BMC; the password goes by standard input, never by an argument."""
        self.cli("power-device", "set", host, "--address", address, "--username", "admin", "--password-file", "-",
                 stdin=password + "\n")

    def openstack(self, *words):
        """What `openstack WORDS -f json` answers."""
        return json.loads(self._client("openstack", *words, "-f", "json"))

    def _client(self, *words, stdin=None):
        env = self.lab.client_env()
        program = shutil.which(words[0], path=env["PATH"])
        try:
            r = subprocess.run([program or words[0], *words[1:]], capture_output=True, text=True, timeout=CLIENT_S, env=env,
                               input=stdin)
        except (subprocess.TimeoutExpired, FileNotFoundError) as e:
            raise LabError(f"{' '.join(words)}: {e}") from None
        if r.returncode:
            raise LabError(f"{' '.join(words)}: exit {r.returncode}: {(r.stderr + r.stdout).strip()}")
        return r.stdout

    # ---- API, for what is shown

    def get(self, path):
        """The body of GET /themis/v1/PATH; LabError when it cannot be had now."""
        if self.token is None:
            self.token = self.lab.cloud().token
        request = urllib.request.Request(self.url + path, headers={"X-Auth-Token": self.token, "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=API_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            if e.code == 401:
                self.token = None
            raise LabError(f"GET {path}: {e.code} {e.read()[:300]}") from None
        except (OSError, ValueError) as e:
            raise LabError(f"GET {path}: {e}") from None

    def hosts(self):
        """{name: host} of /themis/v1/hosts."""
        return {h["name"]: h for h in self.get("/hosts")["hosts"]}

    def power_devices(self, host):
        """The power devices of a host, without their passwords."""
        return self.get(f"/hosts/{self.hosts()[host]['uuid']}/power-devices")["power_devices"]

    # ---- database, for what is checked

    def rows(self, columns, rest):
        """`select COLUMNS REST` as dicts; every value crosses the client as x and its hex code, so that texts come whole."""
        names = columns.split(",")
        fields = ", ".join(f"concat('x', hex(concat({c}, '')))" for c in names)  # hex of a number would be another thing
        text = self.lab.sql(f"select {fields} {rest}")
        return [dict(zip(names, (None if v == "NULL" else bytes.fromhex(v[1:]).decode() for v in row))) for row in text]

    def incidents(self, since):
        """Incidents opened at or after `since` (a datetime), oldest first."""
        return self.rows("uuid,host_name,status,outcome,summary,notification_uuid,opened_at,closed_at",
                         f"from incidents where opened_at >= '{since:%F %T.%f}' order by id")

    def events(self, since):
        """Incident events at or after `since`, oldest first, with `at` as datetime and `reason` as dict."""
        found = self.rows("incident_uuid,host_uuid,at,kind,reason,engine",
                          f"from incident_events where at >= '{since:%F %T.%f}' order by id")
        for event in found:
            event["at"] = moment(event["at"])
            event["reason"] = json.loads(event["reason"])
        return found

    def leader(self):
        """The engine that holds the lease; None when none does."""
        rows = self.rows("holder", "from leases where name = 'engine'")
        return rows[0]["holder"] or None if rows else None

    def states(self):
        """{host name: {state, reason, view}} as stored."""
        found = self.rows("name,state,reason,view", "from (select h.name, s.state, s.reason, s.view from host_states s "
                          "join hosts h on h.uuid = s.host_uuid where h.deleted = 0) t")
        return {row["name"]: {"state": row["state"], "reason": json.loads(row["reason"] or "null"),
                              "view": json.loads(row["view"] or "{}")} for row in found}
