"""refusals.py: what the command-line clients say and which exit status they give when Themis says no."""
import json
import os
import time

BAD_TIME = "2030-13-41T00:00:00"


def refused(c, what, words, wanted, text, code=1):
    """The command ends with that exit status, says that text, and Themis answered with that status (None: was not asked)."""
    c.wire.take()
    status, out, err = c.run(*words)
    answers = [r.status for r in c.wire.take() if r.path.strip("/") not in ("", "v1")]  # discovery is tried without a token
    said = err + out
    good = status == code and text in said and (wanted in answers if wanted else not any(a >= 400 for a in answers))
    c.claims.hold(f"{what}: {wanted or 'refused by the client'}, exit {code}", good and all(a < 500 for a in answers), f"exit {status}: {said.strip()[-200:]}")


def segments(c, segment):
    """Segments."""
    unknown = "99999999-9999-4999-8999-999999999999"
    refused(c, "segment create with a name that is taken", ["segment", "create", segment, "auto", "COMPUTE"], 409,
            f"Failover segment with name {segment} already exists.")
    refused(c, "segment create with a name that begins with a space", ["segment", "create", " x", "auto", "COMPUTE"], 400, "name")
    refused(c, "segment create with a method that there is not", ["segment", "create", "x", "sometimes", "COMPUTE"], None, "invalid choice", 2)
    refused(c, "segment show of an unknown name", ["segment", "show", "nosuch"], 404, "Segment is not found: nosuch")
    refused(c, "segment show of an unknown uuid", ["segment", "show", unknown], 404, unknown)
    refused(c, "segment update of an unknown uuid", ["segment", "update", unknown, "--name", "x"], 404, unknown)
    # this client prints the error of a deletion and goes on
    refused(c, "segment delete of an unknown uuid", ["segment", "delete", unknown], 404, unknown, 0)
    refused(c, "segment list --sort by a column that there is not", ["segment", "list", "--sort", "bogus:asc"], 400, "bogus")
    refused(c, "segment list --sort in a direction that there is not", ["segment", "list", "--sort", "name:up"], None, "Unknown sort direction: up")
    refused(c, "segment list --limit that is no number", ["segment", "list", "--limit", "x"], 400, "limit must be an integer")
    refused(c, "segment list --limit below zero", ["segment", "list", "--limit=-1"], 400, "limit must be >= 0")
    refused(c, "segment list --marker that is a uuid", ["segment", "list", "--marker", unknown], 400, f"Marker {unknown} could not be found.")
    refused(c, "a microversion that there is not", ["--os-ha-api-version", "1.9", "segment", "list"], None, "1.9")
    ordinary = {"OS_USERNAME": "demo", "OS_PROJECT_NAME": "demo"}
    kept = {k: os.environ[k] for k in ordinary}
    os.environ.update(ordinary)
    refused(c, "an ordinary member lists segments", ["segment", "list"], 403, "Policy doesn't allow os_masakari_api:segments:index to be performed.")
    os.environ.update(kept)


def hosts(c, segment):
    """Hosts; the host is on maintenance."""
    refused(c, "host create with a name that is taken", ["segment", "host", "create", c.host, "COMPUTE", "SSH", segment], 409,
            f"Host with name {c.host} already exists.")
    refused(c, "host create with a name that Nova does not know", ["segment", "host", "create", "ghost", "COMPUTE", "SSH", segment], 400,
            "Compute service with name ghost could not be found.")
    refused(c, "host create in an unknown segment", ["segment", "host", "create", c.host, "COMPUTE", "SSH", "nosuch"], 404, "nosuch")
    refused(c, "host create with a type that is none", ["segment", "host", "create", c.host, "COMPUTE_HOST", "SSH", segment], 400, "COMPUTE_HOST")
    refused(c, "host show of an unknown name", ["segment", "host", "show", segment, "nosuch"], 404, "Segment host is not found: nosuch")
    refused(c, "host update of an unknown name", ["segment", "host", "update", segment, "nosuch", "--type", "x"], 404, "nosuch")
    refused(c, "host delete of an unknown name", ["segment", "host", "delete", segment, "nosuch"], 404, "nosuch")
    refused(c, "host list --filters with no truth value", ["segment", "host", "list", segment, "--filters", "reserved=perhaps"], 400,
            "Unrecognized value 'perhaps'")
    refused(c, "a notification for a host on maintenance", ["notification", "create", "PROCESS", c.host, "2030-01-01T00:00:00",
            '{"event": "STOPPED", "process_name": "x"}'], 409, "is ignored as the host is already under maintenance.")


def notifications(c, vm):
    """Notifications; one with this payload is stored."""
    now, payload = time.strftime("%FT%T", time.gmtime()), json.dumps(vm)
    refused(c, "a notification that was sent already", ["notification", "create", "VM", c.host, now, payload], 409, "is duplicate.")
    refused(c, "a notification of an unknown host", ["notification", "create", "VM", "ghost", now, payload], 400,
            "Host with name ghost could not be found.")
    refused(c, "a notification of a time that there is not", ["notification", "create", "VM", c.host, BAD_TIME, payload], 400, BAD_TIME)
    refused(c, "a notification without what its type needs", ["notification", "create", "VM", c.host, now, '{"event": "x"}'], 400,
            "instance_uuid")
    refused(c, "a notification of an unknown type", ["notification", "create", "DISK", c.host, now, "{}"], None, "invalid choice", 2)
    refused(c, "notification show of an unknown one", ["notification", "show", "nosuch"], 404, "Notification not found: nosuch")
    refused(c, "notification list since no time", ["notification", "list", "--filters", "generated-since=yesterday"], 400,
            "Invalid generated-since value")


def vmoves(c, notification):
    """Vmoves of this notification, and of one that has none."""
    other = c.rows("notification_uuid", "from notifications where type = 'VM' order by id desc limit 1")[0][0]
    refused(c, "vmoves of a VM's notification", ["notification", "vmove", "list", other], 400, f"This notification {other} without vm moves.")
    refused(c, "vmoves of an unknown notification", ["notification", "vmove", "list", "nosuch"], 404, "nosuch")
    refused(c, "an unknown vmove", ["notification", "vmove", "show", notification, "nosuch"], 404, "nosuch")
