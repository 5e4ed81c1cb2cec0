"""notified.py: recoveries of single instances that an instance monitor's notification asks for. The monitor itself needs
libvirt, which the lab does not have: its request is made by Debian's OpenStack client, in the monitor's own words.
"""
import json
import os
import pathlib
import signal
import time

from demo import checks as c
from demo.labtool import until
from demo.scenarios import scenario

ENDED_S = 60
OVER = ("finished", "ignored", "failed", "error")
TASKS = ["StopInstanceTask", "StartInstanceTask", "ConfirmInstanceActiveTask"]


def guest_dies(uuid):
    """Ends the guest process of an instance, as a crash of its hypervisor would. Nova is not told."""
    killed = 0
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (path / "comm").read_text().strip() == "lab-guest" and uuid.encode() in (path / "cmdline").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
                killed += 1
        except OSError:
            continue
    return killed


def report(story, uuid, event="LIFECYCLE", domain_event="STOPPED_FAILED", host=None):
    """A VM notification, and its row once it has ended."""
    payload = {"event": event, "instance_uuid": uuid, "vir_domain_event": domain_event}
    made = story.themis.openstack("notification", "create", "VM", host or story.victim, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
                                  json.dumps(payload))
    where = f"from notifications where notification_uuid = '{made['notification_uuid']}'"
    return until(f"the end of notification {made['notification_uuid']}", lambda: next(
        (r for r in story.themis.rows("notification_uuid,status,message", where) if r["status"] in OVER), None), ENDED_S)


def runs_on(story, uuid):
    """Hosts on which its guest writes now."""
    return story.lab.oracle.running().get(uuid, set())


@scenario("vm-recovery", "A guest dies and its instance monitor says so: the instance is stopped and started where it is, the others "
          "are left alone.", [c.never_twice, c.nobody_fenced, c.not_evacuated, c.nova_untouched], layout=3)
def vm_recovery(story):
    marked, plain, other = sorted(story.mine)
    story.nova.nova("POST", f"/servers/{marked}/metadata", {"metadata": {"HA_Enabled": "True"}})
    story.fault(f"{story.victim}: the guests of two instances die; one of them is marked for HA")
    story.claim("the guests were there to be killed", c.ORACLE, guest_dies(marked) == 1 and guest_dies(plain) == 1, "one process each")
    until("both guests silent", lambda: not runs_on(story, marked) and not runs_on(story, plain), 10)
    story.claim("Nova still holds it active: nobody else recovers it", c.NOVA, state(story, marked) == "ACTIVE", state(story, marked))
    row = report(story, marked)
    story.claim("the notification is finished", c.DATABASE, row["status"] == "finished", f"{row['status']}: {row['message']}")
    until("its guest again", lambda: runs_on(story, marked), 20)
    story.claim("its guest runs again on its own host", c.ORACLE, runs_on(story, marked) == {story.victim}, runs_on(story, marked))
    actions = story.nova.nova("GET", f"/servers/{marked}/os-instance-actions")["instanceActions"]
    did = [a["action"] for a in reversed(actions) if a["action"] in ("start", "stop")]
    story.claim("Nova was asked to stop it once and to start it once", c.NOVA, did == ["stop", "start"], did)
    shown = story.themis.openstack("notification", "show", row["notification_uuid"])
    tasks = [(t["name"], t["state"]) for t in shown["recovery_workflow_details"]]
    story.claim("openstack notification show tells Masakari's three tasks", "python3-masakariclient",
                tasks == [(name, "SUCCESS") for name in TASKS], tasks)
    left_alone(story, plain, other)


def state(story, uuid):
    """Nova's status of an instance."""
    return story.nova.nova("GET", f"/servers/{uuid}")["server"]["status"]


def left_alone(story, plain, other):
    """What is not marked, not acted upon, or not where it was reported is not touched."""
    skipped = report(story, plain)
    story.claim("an instance that is not marked is skipped", c.DATABASE, skipped["status"] == "finished" and
                "not Ha_Enabled" in skipped["message"] and not runs_on(story, plain), f"{skipped['status']}: {skipped['message']}")
    story.nova.nova("POST", f"/servers/{other}/metadata", {"metadata": {"HA_Enabled": "True"}})
    ignored = report(story, other, "LIFECYCLE", "SHUTDOWN_FINISHED")
    story.claim("an event without a recovery is ignored", c.DATABASE, ignored["status"] == "ignored", f"{ignored['status']}: {ignored['message']}")
    elsewhere = report(story, other, host=story.others[0])
    story.claim("an instance that another host reports is left alone", c.DATABASE, elsewhere["status"] == "ignored" and
                "not on" in elsewhere["message"], f"{elsewhere['status']}: {elsewhere['message']}")
    actions = story.nova.nova("GET", f"/servers/{other}/os-instance-actions")["instanceActions"]
    story.claim("it was not touched", c.NOVA, {a["action"] for a in actions} == {"create"} and runs_on(story, other) == {story.victim},
                [a["action"] for a in actions])
