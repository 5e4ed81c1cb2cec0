"""osc.py TAG HA_PORT: every command of python-masakariclient, as a user types it, against the lab.

The commands run in this process by `openstackclient.shell.main`, which is all that the program `openstack` does: starting it
anew for each would cost a minute. Asserted are what it prints, its exit status, what it sent, and what Themis's database holds.
TAG names the segments that are made. The last host of the lab is taken out of the demo's segment and not put back.
"""
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import sys
import time
import uuid

from openstackclient import shell
from openstackclient.common.clientmanager import ClientManager
from osc_lib.clientmanager import ClientCache

from clients import refusals
from clients.claims import Claims, Wire, version_of
from demo.labtool import Lab, until

SEGMENT_COLUMNS = ["created_at", "updated_at", "uuid", "name", "description", "id", "service_type", "recovery_method", "is_enabled"]
HOST_COLUMNS = ["created_at", "updated_at", "uuid", "name", "type", "control_attributes", "reserved", "on_maintenance",
                "failover_segment_id"]
NOTIFICATION_COLUMNS = ["created_at", "updated_at", "notification_uuid", "type", "status", "source_host_uuid", "generated_time",
                        "payload", "recovery_workflow_details"]
VMOVE_COLUMNS = ["created_at", "updated_at", "uuid", "server_id", "server_name", "source_host", "dest_host", "start_time", "end_time",
                 "type", "status", "message"]
OVER = ("finished", "ignored", "failed")


class Client:
    """`openstack` with the credentials of the environment."""

    def __init__(self, tag, port):
        self.tag, self.wire, self.claims, self.lab = tag, Wire(int(port)), Claims(), Lab()
        self.host, self.tried = self.lab.hosts()[-1], set()

    def run(self, *words):
        """(exit status, standard output, standard error) of `openstack WORDS`."""
        self.tried.add(" ".join(words[2:] if words[0].startswith("--") else words))
        for cached in (value for kind in ClientManager.__mro__ for value in vars(kind).values()):
            if isinstance(cached, ClientCache):
                cached._handle = None  # it would outlive the command, with its credentials and microversion
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = shell.main(list(words))
            except SystemExit as e:
                status = e.code
        logging.getLogger("").handlers.clear()  # they write to what was standard error then
        return status, out.getvalue(), err.getvalue()

    def data(self, *words):
        """What `openstack WORDS -f json` prints; a claim fails and None is returned when it does not succeed."""
        self.wire.take()
        status, out, err = self.run(*words, "-f", "json")
        if status:
            self.claims.hold("openstack " + " ".join(words), False, f"exit {status}: {err}")
            raise Refused(" ".join(words))
        return json.loads(out)

    def rows(self, columns, rest):
        """Rows of Themis's database."""
        return self.lab.sql(f"select {columns} {rest}")


class Refused(Exception):
    """A command that must succeed did not; what depends on it is not tried."""


def names(items):
    return [item["name"] for item in items]


def clean(c):
    """What an interrupted run left."""
    for segment in c.data("segment", "list"):
        if segment["name"].startswith(c.tag):
            for host in c.data("segment", "host", "list", segment["uuid"]):
                c.run("segment", "host", "delete", segment["uuid"], host["uuid"])
            c.run("segment", "delete", segment["uuid"])


def segments(c):
    """create, list, show, update of segments; pages, sorting, filters, booleans as strings, names resolved by the client."""
    a, b, d = (f"{c.tag}-{x}" for x in "abd")
    made = c.data("segment", "create", a, "auto", "COMPUTE", "--description", "größer als 'a' \"b\"")
    c.claims.same("segment create: the columns that the client shows", list(made), SEGMENT_COLUMNS)
    c.claims.same("segment create: what was asked for", (made["name"], made["recovery_method"], made["service_type"], made["description"],
                  made["is_enabled"], made["updated_at"]), (a, "auto", "COMPUTE", "größer als 'a' \"b\"", True, None))
    off = c.data("segment", "create", b, "reserved_host", "compute-x", "--is_enabled", "no")
    c.claims.same("segment create --is_enabled no: disabled", (off["is_enabled"], c.rows("enabled", f"from failover_segments where "
                  f"uuid = '{off['uuid']}'")), (False, [["0"]]))
    c.data("segment", "create", d, "rh_priority", "COMPUTE")
    listed = c.data("segment", "list")
    c.claims.hold("segment list: all three, with the client's columns", {a, b, d} <= set(names(listed)) and list(listed[0]) ==
                  ["uuid", "name", "description", "service_type", "recovery_method", "is_enabled"], names(listed))
    paged = c.data("segment", "list", "--limit", "1")
    pages = [r.query for r in c.wire.take() if r.path.endswith("/segments")]
    c.claims.hold("segment list --limit 1: every page is fetched by marker, nothing twice", names(paged) == names(listed) and
                  len(pages) == len(listed) + 1 and all("marker" in q for q in pages[1:]), f"{len(paged)} in {len(pages)} pages")
    after = c.data("segment", "list", "--sort", "name:asc", "--marker", str(made["id"]))
    ordered = names(c.data("segment", "list", "--sort", "name:asc"))
    c.claims.same("segment list --sort name:asc --marker ID: what comes after it", names(after), ordered[ordered.index(a) + 1:])
    c.claims.same("segment list --sort name:asc: in order", ordered, sorted(ordered))
    two = c.data("segment", "list", "--sort", "service_type:asc,name:desc")
    keys = [(s["service_type"], [-ord(x) for x in s["name"]]) for s in two]
    c.claims.hold("segment list --sort with two keys", keys == sorted(keys, key=lambda k: (k[0].lower(), k[1])), names(two))
    both = c.data("segment", "list", "--filters", "recovery_method=reserved_host;service_type=compute-x")
    c.claims.same("segment list --filters, two in one", names(both), [b])
    twice = c.data("segment", "list", "--filters", "recovery_method=rh_priority", "--filters", "service_type=COMPUTE")
    c.claims.same("segment list --filters given twice", names(twice), [d])
    shown = c.data("segment", "show", a)
    c.claims.same("segment show NAME: the client finds the name, and shows what create did", shown, made)
    c.claims.same("segment show UUID", c.data("segment", "show", made["uuid"]), made)
    changed = c.data("segment", "update", a, "--description", "", "--is_enabled", "False", "--recovery_method", "auto_priority",
                     "--service_type", "other", "--name", a + "2")
    c.claims.hold("segment update NAME: every field", (changed["name"], changed["description"], changed["is_enabled"],
                  changed["recovery_method"], changed["service_type"]) == (a + "2", "", False, "auto_priority", "other")
                  and changed["updated_at"] and changed["uuid"] == made["uuid"], changed)
    plain = c.data("--os-ha-api-version", "1.0", "segment", "show", a + "2")
    c.claims.hold("segment show at 1.0: without is_enabled", "is_enabled" not in plain and plain["uuid"] == made["uuid"], list(plain))
    return d


def hosts(c, segment):
    """create, list, show, update of hosts, by the names of segment and host."""
    status, out, err = c.run("segment", "host", "delete", "demo", c.host)
    gone = not c.rows("name", f"from hosts where name = '{c.host}' and deleted = 0")
    c.claims.hold("segment host delete SEGMENT HOST by names", gone and (status != 0 or out == f"Host deleted: {c.host}\n"), out + err)
    c.wire.take()
    made = c.data("segment", "host", "create", c.host, "COMPUTE", "SSH", segment, "--reserved", "True", "--on_maintenance", "False")
    posted = [r.body["host"] for r in c.wire.take() if r.method == "POST"]
    c.claims.hold("segment host create --reserved True: the string is taken as a truth value", made["reserved"] is True and
                  made["on_maintenance"] is False and posted and posted[0]["reserved"] == "True", posted)
    c.claims.same("segment host create: the columns that the client shows", list(made), HOST_COLUMNS)
    stored = c.rows("reserved, on_maintenance, type, control_attributes", f"from hosts where uuid = '{made['uuid']}'")
    c.claims.same("segment host create: as stored", stored, [["1", "0", "COMPUTE", "SSH"]])
    for words, wanted in ((("--filters", "reserved=True"), 1), (("--filters", "reserved=False"), 0), (("--filters", "on_maintenance=True"), 0),
                          (("--filters", "type=COMPUTE;on_maintenance=False"), 1), (("--filters", "type=other"), 0), (("--limit", "1"), 1),
                          (("--sort", "name:asc"), 1), (("--limit", "1", "--sort", "name:desc"), 1)):
        found = c.data("segment", "host", "list", segment, *words)
        c.claims.same(f"segment host list {' '.join(words)}", names(found), [c.host] * wanted)
    theirs = names(c.data("segment", "host", "list", "demo", "--limit", "2", "--sort", "name:desc"))
    c.claims.hold("segment host list --limit 2 --sort name:desc: every page, in order", len(theirs) == len(c.lab.hosts()) - 1 and
                  theirs == sorted(theirs, reverse=True), theirs)
    c.claims.same("segment host show SEGMENT HOST by names", c.data("segment", "host", "show", segment, c.host), made)
    changed = c.data("segment", "host", "update", segment, c.host, "--reserved", "False", "--on_maintenance", "True", "--type", "KVM",
                     "--control_attributes", "IPMI", "--name", c.host)
    c.claims.same("segment host update: every field", (changed["reserved"], changed["on_maintenance"], changed["type"],
                  changed["control_attributes"], changed["name"], changed["uuid"]), (False, True, "KVM", "IPMI", c.host, made["uuid"]))
    refusals.hosts(c, segment)
    back = c.data("segment", "host", "update", segment, c.host, "--on_maintenance", "False")
    c.claims.same("segment host update --on_maintenance False: and nothing else changes", (back["on_maintenance"], back["type"]), (False, "KVM"))
    return made["uuid"]


def notify(c, kind, payload, host=None):
    """`openstack notification create`, as a monitor's time looks."""
    return c.data("notification", "create", kind, host or c.host, time.strftime("%FT%T.123", time.gmtime()), json.dumps(payload))


def notifications(c, host):
    """create, list, show of notifications; the engine ends those that need nothing."""
    instance = str(uuid.uuid4())
    vm = {"event": "LIFECYCLE", "instance_uuid": instance, "vir_domain_event": "STOPPED_SHUTDOWN"}
    made = notify(c, "VM", vm)
    c.claims.same("notification create: the columns that the client shows", list(made), NOTIFICATION_COLUMNS)
    c.claims.same("notification create VM: as asked for", (made["type"], made["payload"], made["source_host_uuid"]), ("VM", vm, host))
    stored = c.rows("type, source_host_uuid", f"from notifications where notification_uuid = '{made['notification_uuid']}'")
    c.claims.same("notification create VM: as stored", stored, [["VM", host]])
    refusals.notifications(c, vm)
    other = notify(c, "PROCESS", {"event": "STARTED", "process_name": c.tag})
    back = notify(c, "COMPUTE_HOST", {"event": "STARTED", "host_status": "NORMAL", "cluster_status": "ONLINE"})
    mine = [n["notification_uuid"] for n in (back, other, made)]
    ended = until("the ends of three notifications that need nothing", lambda: all_over(c, mine), 60, 1)
    c.claims.hold("the engine ended a VM's planned stop as ignored, what started as finished", ended == ["finished", "finished", "ignored"], ended)
    by_host = c.data("notification", "list", "--filters", f"source_host_uuid={host}")
    c.claims.same("notification list by source_host_uuid, newest first", [n["notification_uuid"] for n in by_host], mine)
    paged = c.data("notification", "list", "--limit", "1", "--filters", f"source_host_uuid={host}")
    c.claims.same("notification list --limit 1: every page", [n["notification_uuid"] for n in paged], mine)
    both = c.data("notification", "list", "--filters", f"type=VM;status=ignored;source_host_uuid={host}")
    c.claims.same("notification list by type and status", [n["notification_uuid"] for n in both], mine[2:])
    upwards = c.data("notification", "list", "--sort", "type:asc", "--filters", f"source_host_uuid={host}")
    # the column is text: COMPUTE_HOST, PROCESS, VM
    c.claims.same("notification list --sort type:asc", [n["type"] for n in upwards], ["COMPUTE_HOST", "PROCESS", "VM"])
    late = c.data("notification", "list", "--filters", "generated-since=2100-01-01T00:00:00")
    soon = c.data("notification", "list", "--filters", f"generated-since=2000-01-01T00:00:00;source_host_uuid={host}")
    c.claims.same("notification list by generated-since", (late, len(soon)), ([], 3))
    shown = c.data("notification", "show", mine[2])
    c.claims.hold("notification show: with recovery_workflow_details", shown["recovery_workflow_details"] == [] and shown["status"] == "ignored"
                  and shown["payload"] == vm, shown)
    plain = c.data("--os-ha-api-version", "1.0", "notification", "show", mine[2])
    c.claims.hold("notification show at 1.0: without recovery_workflow_details", "recovery_workflow_details" not in plain, list(plain))


def all_over(c, uuids):
    """The statuses of these notifications, when all have ended."""
    found = [c.rows("status", f"from notifications where notification_uuid = '{u}'")[0][0] for u in uuids]
    return found if all(s in OVER for s in found) else None


def vmoves(c):
    """The two commands that only the newest client has, on the last real recovery of this lab."""
    rows = c.rows("notification_uuid, count(*)", "from vmoves where deleted = 0 group by notification_uuid order by max(id) desc limit 1")
    (notification, count), count = rows[0], int(rows[0][1])
    listed = c.data("notification", "vmove", "list", notification)
    c.claims.hold("notification vmove list: every vmove of the recovery, with the client's columns", len(listed) == count and list(listed[0]) ==
                  ["uuid", "server_id", "server_name", "source_host", "dest_host", "start_time", "end_time", "type", "status"], len(listed))
    stored = c.rows("uuid, instance_uuid, instance_name, source_host, dest_host, status", f"from vmoves where notification_uuid = '{notification}'")
    c.claims.same("notification vmove list: as stored", sorted([v["uuid"], v["server_id"], v["server_name"], v["source_host"], v["dest_host"] or
                  "NULL", v["status"]] for v in listed), sorted(stored))
    done = c.data("notification", "vmove", "list", notification, "--filters", "status=succeeded;type=evacuation", "--limit", "7",
                  "--sort", "instance_uuid:asc")
    c.claims.same("notification vmove list with filters, pages and an order", [v["server_id"] for v in done],
                  sorted(v["server_id"] for v in listed if v["status"] == "succeeded"))
    none = c.data("notification", "vmove", "list", notification, "--filters", "status=failed")
    c.claims.same("notification vmove list --filters status=failed", len(none), sum(v["status"] == "failed" for v in listed))
    shown = c.data("notification", "vmove", "show", notification, listed[0]["uuid"])
    c.claims.hold("notification vmove show", list(shown) == VMOVE_COLUMNS and all(shown[k] == v for k, v in listed[0].items()), shown)
    refusals.vmoves(c, notification)


def deletions(c, segment):
    """delete of hosts and of several segments at once."""
    status, out, err = c.run("segment", "host", "delete", segment, c.host)
    c.claims.same("segment host delete by names", (status, out), (0, f"Host deleted: {c.host}\n"))
    mine = [f"{c.tag}-a2", f"{c.tag}-b", segment]
    status, out, err = c.run("segment", "delete", *mine)
    c.claims.same("segment delete with three names", (status, out), (0, "".join(f"Segment deleted: {n}\n" for n in mine)))
    left = c.rows("name", f"from failover_segments where name like '{c.tag}-%' and deleted = 0")
    c.claims.hold("nothing is left of what was deleted", not left and not set(mine) & set(names(c.data("segment", "list"))), left)


def catalogue_forms(c):
    """The endpoint with and without the project in it, and without a version: what is sent goes there, and works."""
    own = os.environ["OS_REGION_NAME"]
    for region, form in ((own, "/v1/$(project_id)s"), ("plain", "/v1"), ("bare", "without a version")):
        os.environ["OS_REGION_NAME"] = region
        name = f"{c.tag}-{region}".lower()
        made = c.data("segment", "create", name, "auto", "COMPUTE")
        paths = {r.path for r in c.wire.take() if r.path.endswith("/segments")}
        c.run("segment", "delete", name)
        with_project = len(paths) == 1 and len(paths.pop().split("/")) == 4
        c.claims.hold(f"endpoint {form}: a segment is made and deleted by that path", made["name"] == name and with_project == (region == own) and
                      not c.rows("name", f"from failover_segments where name = '{name}' and deleted = 0"), f"project in the path: {with_project}")
    os.environ["OS_REGION_NAME"] = own


def every_command(c):
    """Nothing that the client can do was left out."""
    can = {entry.name.replace("_", " ") for entry in importlib.metadata.entry_points(group="openstack.ha.v1")}
    left = {command for command in can if not any(line.startswith(command + " ") or line == command for line in c.tried)}
    c.claims.hold("every command that this client has was run", not left and len(can) == (15 if has_vmoves() else 13), f"{len(can)} commands of " +
                  ", ".join(f"{p} {version_of(p)}" for p in ("python-masakariclient", "openstacksdk", "python-openstackclient")) + f", left out: {sorted(left)}")


def has_vmoves():
    """Whether this client knows vmoves; Debian's does not."""
    return importlib.util.find_spec("masakariclient.osc.v1.vmove") is not None


def main(tag, port):
    c = Client(tag, port)
    try:
        clean(c)
        segment = segments(c)
        refusals.segments(c, segment)
        host = hosts(c, segment)
        notifications(c, host)
        if has_vmoves():
            vmoves(c)
        deletions(c, segment)
        catalogue_forms(c)
        every_command(c)
    except Refused:
        pass
    return 1 if c.claims.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
