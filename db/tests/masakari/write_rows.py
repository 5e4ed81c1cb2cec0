"""Rows in a Masakari database, written by Masakari's own objects: `PYTHON write_rows.py CONFIG_FILE`.

Run by the Python that has the Masakari of the database (Debian's /usr/bin/python3 for 14.0.2). Prints a JSON object
of what it made: uuids by name. One notification of each status; vmoves where this Masakari knows them; one segment
and one host that are deleted again.
"""
import datetime
import json
import sys
import warnings

warnings.filterwarnings("ignore")

import masakari.context  # noqa: E402
from masakari import context, objects, rpc  # noqa: E402
from masakari.conf import CONF  # noqa: E402

try:  # Debian's oslo.context cannot rebuild a context that has this key.
    masakari.context.RequestContext.FROM_DICT_EXTRA_KEYS.remove("read_deleted")
except (AttributeError, ValueError):
    pass

CONF(["--config-file", sys.argv[1]], project="masakari")
rpc.init(CONF)
objects.register_all()
CTX = context.get_admin_context()
SEEN = datetime.datetime(2026, 11, 20, 8, 28, 51, 264983)


def segment(name, method="auto", **more):
    made = objects.FailoverSegment(context=CTX, name=name, service_type="COMPUTE", recovery_method=method, **more)
    made.create()
    return made


def host(name, parent, **more):
    values = {"type": "COMPUTE", "control_attributes": "SSH", "on_maintenance": False, "reserved": False, **more}
    made = objects.Host(context=CTX, name=name, failover_segment=parent, **values)
    made.create()
    return made


def notification(of, kind, payload, status, minutes):
    values = {"generated_time": SEEN + datetime.timedelta(minutes=minutes), "payload": payload, "status": "new"}
    if "failover_segment_uuid" in objects.Notification.fields:
        values["failover_segment_uuid"] = of.failover_segment.uuid
    made = objects.Notification(context=CTX, source_host_uuid=of.uuid, type=kind, **values)
    made.create()
    if status != "new":  # As the engine does it; sets updated_at too.
        made.status = status
        made.save()
    return made.notification_uuid


first = segment("rack-1", description="Zwei Räume,\n\"oben\" \\ unten")
second = segment("rack-2", method="rh_priority", enabled=False)
compute_1 = host("compute-1", first)
compute_2 = host("compute-2", first, reserved=True, on_maintenance=True)
compute_3 = host("compute-3.example.org", second, control_attributes="ipmi://10.0.0.3")
gone = host("compute-9", second)
gone.destroy()
empty = segment("rack-9")
empty.destroy()

STOPPED = {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}
INSTANCE = "96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11"
made = {
    "finished": notification(compute_1, "COMPUTE_HOST", STOPPED, "finished", 0),
    "failed": notification(
        compute_1, "VM", {"event": "LIFECYCLE", "instance_uuid": INSTANCE, "vir_domain_event": "STOPPED_FAILED"}, "failed", 1
    ),
    "ignored": notification(compute_2, "PROCESS", {"event": "STOPPED", "process_name": "nova-compute"}, "ignored", 2),
    "error": notification(compute_3, "COMPUTE_HOST", STOPPED, "error", 3),
    "running": notification(compute_3, "PROCESS", {"event": "STARTED", "process_name": "libvirtd"}, "running", 4),
    "new": notification(compute_1, "COMPUTE_HOST", {"event": "STARTED"}, "new", 5),
}
vmoves = 0
if hasattr(objects, "VMove"):
    for number, status in enumerate(["succeeded", "failed", "pending"]):
        objects.VMove(
            context=CTX,
            notification_uuid=made["finished"],
            instance_uuid=INSTANCE,
            instance_name=f"vm-{number}",
            source_host="compute-1",
            dest_host="compute-2" if status == "succeeded" else None,
            start_time=SEEN,
            end_time=SEEN if status == "succeeded" else None,
            type="evacuation",
            status=status,
            message=None,
        ).create()
        vmoves += 1
print(json.dumps({"segment": first.uuid, "host": compute_1.uuid, "gone": gone.uuid, "vmoves": vmoves, **made}))
