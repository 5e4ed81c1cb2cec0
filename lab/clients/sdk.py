"""sdk.py TAG HA_PORT: openstacksdk against the lab, and the calls of masakari-dashboard as that makes them.

The dashboard's calls are those of its module api.api: a connection from the user's token, an own one with a microversion
where it wants one, no microversion elsewhere. Its views add what they send and read; so do these.
"""
import itertools
import os
import sys
import uuid
from datetime import datetime

import openstack
from keystoneauth1 import session as ks_session
from keystoneauth1.identity.generic import token
from openstack import connection, exceptions

from clients.claims import Claims, Wire, version_of
from demo.labtool import Lab

PAGE = 2
SHOWN = ("uuid", "name", "recovery_method", "service_type", "description", "is_enabled")


class Sdk:
    """An ordinary connection, and the dashboard's."""

    def __init__(self, tag, port):
        self.tag, self.wire, self.claims, self.lab = f"{tag}-sdk", Wire(int(port)), Claims(), Lab()
        self.host = self.lab.hosts()[-1]
        self.plain = openstack.connect()
        self.ha = self.plain.instance_ha
        self.user_token = self.plain.auth_token

    def dashboard(self, version=None):
        """What `openstack_connection(request, version)` gives the dashboard."""
        auth = token.Token(auth_url=os.environ["OS_AUTH_URL"], token=self.user_token, project_name="admin",
                           project_id=self.plain.current_project_id)
        return connection.Connection(session=ks_session.Session(auth=auth), interface="publicURL", ha_api_version=version).instance_ha


def refused(s, what, wanted, text, call):
    """The call raises an HTTP error with that status and text."""
    try:
        call()
    except exceptions.HttpException as e:
        s.claims.hold(f"{what}: {wanted}", e.status_code == wanted and text in str(e), f"{e.status_code}: {e}")
    else:
        s.claims.hold(f"{what}: {wanted}", False, "nothing was raised")


def clean(s):
    """What an interrupted run left."""
    for segment in s.ha.segments():
        if segment.name.startswith(s.tag):
            for host in s.ha.hosts(segment.uuid):
                s.ha.delete_host(host.uuid, segment_id=segment.uuid)
            s.ha.delete_segment(segment.uuid)


def discovery(s):
    """What the SDK asks first, and which microversion it sends."""
    s.wire.take()
    list(openstack.connect().instance_ha.segments())
    sent = s.wire.take()
    s.claims.hold("discovery: GET /v1, then segments at 1.2, the most that this resource knows", sent[0].path == "/v1" and
                  sent[-1].path.endswith("/segments") and sent[-1].version == "instance-ha 1.2", [(r.path, r.version, r.status) for r in sent])
    next(s.ha.notifications(limit=1))
    s.claims.same(f"openstacksdk {version_of('openstacksdk')}: notifications without a microversion", {r.version for r in s.wire.take()}, {None})


def segments(s):
    """Segments by the SDK: pages, filters, order, updates with only what changed."""
    made = [s.ha.create_segment(name=f"{s.tag}-{n}", recovery_method=m, service_type="sdk", description=None if n else "ä\n\"1\"")
            for n, m in enumerate(("auto", "reserved_host", "auto_priority", "rh_priority", "auto"))]
    s.claims.hold("create_segment", all(m.uuid and m.is_enabled is True and m.created_at and m.updated_at is None for m in made) and
                  made[0].description == "ä\n\"1\"", [m.to_dict() for m in made[:1]])
    s.wire.take()
    paged = [x.name for x in s.ha.segments(limit=2, service_type="sdk", sort_key="name", sort_dir="asc")]
    asked = [r.query for r in s.wire.take()]
    s.claims.hold("segments(limit=2) with a filter and an order: every page, each after the last row's id", paged == [m.name for m in made] and
                  [q.get("marker") for q in asked] == [None, *(str(made[n].id) for n in (1, 3, 4))], asked)
    wanted = {True: 4, False: 1}
    s.ha.update_segment(made[4].uuid, is_enabled=False)
    put = [r.body for r in s.wire.take() if r.method == "PUT"]
    s.claims.same("update_segment sends only what changed, by PUT", put, [{"segment": {"enabled": False}}])
    for enabled, count in wanted.items():
        found = [x.is_enabled for x in s.ha.segments(is_enabled=enabled, service_type="sdk")]
        s.claims.same(f"segments(is_enabled={enabled}): the string is read as a truth value", found, [enabled] * count)
    one = s.ha.get_segment(made[1].uuid)
    s.claims.hold("get_segment", one.name == made[1].name and one.recovery_method == "reserved_host", one.to_dict())
    refused(s, "get_segment of an unknown uuid", 404, "No failover segment with id", lambda: s.ha.get_segment(str(uuid.uuid4())))
    refused(s, "create_segment with a taken name", 409, "already exists",
            lambda: s.ha.create_segment(name=made[0].name, recovery_method="auto", service_type="x"))
    refused(s, "delete_segment of an unknown uuid, not to be ignored", 404, "No failover segment with id",
            lambda: s.ha.delete_segment(str(uuid.uuid4()), ignore_missing=False))
    s.ha.delete_segment(str(uuid.uuid4()), ignore_missing=True)
    for m in made:
        s.ha.delete_segment(m.uuid, ignore_missing=False)
    left = s.lab.sql(f"select count(*) from failover_segments where name like '{s.tag}-%' and deleted = 0")
    s.claims.same("delete_segment: none is left, an unknown one may be ignored", left, [["0"]])


def dashboard_segments(s):
    """Its list with pages, by a segment's integer id; its forms for creating and updating."""
    for n in range(3):
        s.dashboard().create_segment(name=f"{s.tag}-dash-{n}", recovery_method="auto", service_type="compute", description="")
    seen, marker, pages = [], None, 0
    while True:  # as get_segment_list does: one more than a page is asked for, and the marker is read by get_segment(...).id
        client = s.dashboard()
        page = list(itertools.islice(client.segments(limit=PAGE + 1, marker=marker), PAGE + 1))
        seen += [x.name for x in page[:PAGE]]
        pages += 1
        if len(page) <= PAGE or pages > 20:
            break
        marker = client.get_segment(page[PAGE - 1].uuid).id
    everything = [x.name for x in s.dashboard().segments()]
    s.claims.hold("dashboard: segments in pages", seen == everything and pages == -(-len(seen) // PAGE) > 1, f"{seen} in {pages} pages")
    refused(s, "an empty marker is none", 400, "Marker  could not be found.", lambda: list(s.ha.segments(limit=1, marker="")))
    mine = [x for x in s.dashboard().segments() if x.name.startswith(s.tag)]
    s.wire.take()
    s.dashboard().update_segment(mine[0].uuid, name=mine[0].name, recovery_method="rh_priority", description="")
    sent = [r for r in s.wire.take() if r.method == "PUT"]
    shown = s.dashboard().get_segment(mine[0].uuid)
    s.claims.hold("dashboard: a segment is updated, at 1.2", shown.recovery_method == "rh_priority" and shown.description == "" and
                  sent[0].version == "instance-ha 1.2" and all(hasattr(shown, f) for f in SHOWN), sent)
    return mine


def dashboard_hosts(s, segment):
    """Its host forms: truth values as they come from a form, every field in each update."""
    fields = {"name": s.host, "reserved": False, "type": "COMPUTE", "control_attributes": "SSH", "on_maintenance": False}
    made = s.dashboard().create_host(segment.uuid, **fields)
    listed = list(s.dashboard().hosts(segment.uuid))
    s.claims.same("dashboard: a host is created and listed", ([h.uuid for h in listed], listed[0].failover_segment_id), ([made.uuid], segment.uuid))
    s.wire.take()
    s.dashboard().update_host(made.uuid, segment.uuid, **{**fields, "reserved": True, "on_maintenance": True})
    sent = [r.body["host"] for r in s.wire.take() if r.method == "PUT"]
    shown = s.dashboard().get_host(made.uuid, segment.uuid)
    s.claims.hold("dashboard: a host is updated with every field, its own name among them", (shown.reserved, shown.on_maintenance, shown.name)
                  == (True, True, s.host), sent)
    for query, count in (({"reserved": True}, 1), ({"reserved": "False"}, 0), ({"on_maintenance": True, "type": "COMPUTE"}, 1)):
        s.claims.same(f"hosts({query})", len(list(s.ha.hosts(segment.uuid, **query))), count)
    s.dashboard().update_host(made.uuid, segment.uuid, on_maintenance=False, reserved=False)
    sdk_notification(s, made)
    s.dashboard().delete_host(made.uuid, segment.uuid, False)
    refused(s, "dashboard: a host that is gone", 404, "could not be found", lambda: s.dashboard().get_host(made.uuid, segment.uuid))


def sdk_notification(s, host):
    """What the monitors send: a naive time, an object."""
    payload = {"event": "LIFECYCLE", "instance_uuid": str(uuid.uuid4()), "vir_domain_event": "STOPPED_DESTROYED"}
    sent = datetime.utcnow()
    made = s.ha.create_notification(type="VM", hostname=s.host, generated_time=sent, payload=payload)
    stored = s.lab.sql(f"select type, generated_time from notifications where notification_uuid = '{made.notification_uuid}'")
    s.claims.hold("create_notification with a naive time: stored as UTC", made.source_host_uuid == host.uuid and stored[0][0] == "VM" and
                  stored[0][1][:19] == f"{sent:%F %T}", stored)
    since = sent.replace(microsecond=0).isoformat()
    for query, count in (({"type": "VM", "source_host_uuid": host.uuid}, 1), ({"source_host_uuid": host.uuid, "type": "PROCESS"}, 0),
                         ({"generated_since": since, "source_host_uuid": host.uuid}, 1)):
        s.claims.same(f"notifications({sorted(query)})", len(list(s.ha.notifications(**query))), count)
    refused(s, "create_notification that was sent already", 409, "is duplicate",
            lambda: s.ha.create_notification(type="VM", hostname=s.host, generated_time=sent, payload=payload))
    shown = s.dashboard("1.1").get_notification(made.notification_uuid)
    s.claims.hold("dashboard: a VM's notification at 1.1", shown.recovery_workflow_details == [] and shown.payload == payload, shown.to_dict())


def dashboard_notifications(s):
    """Its list in pages, one with progress details at 1.1, and at 1.3 the vmoves of every COMPUTE_HOST notification."""
    first = list(itertools.islice(s.dashboard().notifications(limit=PAGE + 1, marker=None), PAGE + 1))
    second = list(itertools.islice(s.dashboard().notifications(limit=PAGE + 1, marker=s.dashboard().get_notification(
        first[PAGE - 1].notification_uuid).id), PAGE + 1))
    s.claims.hold("dashboard: notifications in pages", len(first) == PAGE + 1 and second[0].notification_uuid == first[PAGE].notification_uuid,
                  len(first))
    s.wire.take()
    client, moves = s.dashboard("1.3" if hasattr(s.ha, "vmoves") else "1.1"), {}
    done = [n for n in client.notifications(type="COMPUTE_HOST", status="finished")]
    if hasattr(s.ha, "vmoves"):
        for n in done:
            moves[n.notification_uuid] = list(client.vmoves(n.notification_uuid))
        count = s.lab.sql("select count(*) from vmoves where deleted = 0 and notification_uuid in (select notification_uuid from "
                          "notifications where type = 'COMPUTE_HOST' and status = 'finished')")
        sent = {r.version for r in s.wire.take() if "vmoves" in r.path}
        s.claims.hold("dashboard: vmoves of every notification, at 1.3", int(count[0][0]) == sum(map(len, moves.values())) > 0 and
                      sent == {"instance-ha 1.3"}, f"{count[0][0]} stored")
        one = next(v for v in moves.values() if v)[0]
        s.claims.hold("vmove: instance and name under the SDK's names", uuid.UUID(one.server_id) and one.server_name and one.type == "evacuation",
                      one.to_dict())
    recovered = next(n for n in done if s.lab.sql(f"select count(*) from vmoves where notification_uuid = '{n.notification_uuid}'") != [["0"]])
    details = s.dashboard("1.1").get_notification(recovered.notification_uuid).recovery_workflow_details
    times = [datetime.fromisoformat(d["timestamp"]) for step in details for d in step["progress_details"]]
    s.claims.hold("dashboard: progress of a recovery at 1.1: every time can be read, every progress is a text", len(times) > 0 and
                  all(isinstance(d["progress"], str) and d["message"] for step in details for d in step["progress_details"]) and
                  all(step["state"] == "SUCCESS" and step["progress"] == 1 for step in details), [(x["name"], x["state"]) for x in details])


def main(tag, port):
    s = Sdk(tag, port)
    clean(s)
    discovery(s)
    segments(s)
    mine = dashboard_segments(s)
    dashboard_hosts(s, mine[0])
    dashboard_notifications(s)
    for segment in mine:
        s.dashboard().delete_segment(segment.uuid, True)
    left = s.lab.sql(f"select name from failover_segments where name like '{s.tag}-%' and deleted = 0")
    s.claims.same("dashboard: segments are deleted", left, [])
    return 1 if s.claims.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
