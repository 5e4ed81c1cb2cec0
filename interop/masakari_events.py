#!/usr/bin/python3
"""Lets Debian's Masakari emit its versioned notifications, for interop/masakari-events.

    masakari_events.py TRANSPORT_URL DATABASE_URL      (an empty database; its tables are made here)

Masakari's own objects and functions, unmodified, on a real broker and a real database; what they put on the wire is what
consumers of Masakari know. Run `oslo_peer.py listen-notifications --topics versioned_notifications` beside it.
"""
import datetime
import sys
import tempfile
import traceback

import eventlet

eventlet.monkey_patch()

from masakari import config, context, exception, objects, rpc  # noqa: E402
from masakari.api import utils as api_utils  # noqa: E402
from masakari.db import migration  # noqa: E402
from masakari.engine import utils as engine_utils  # noqa: E402

ADMIN = {"user_id": "u1", "project_id": "p1", "is_admin": True, "read_deleted": "no"}


class Context(context.RequestContext):
    """Debian's oslo.context passes an unset read_deleted on, which Masakari's context refuses."""

    def __init__(self, *args, **fields):
        fields["read_deleted"] = fields.get("read_deleted") or "no"
        super().__init__(*args, **fields)


def configure(transport_url, database_url):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(f"[DEFAULT]\ntransport_url={transport_url}\n[database]\nconnection={database_url}\n"
                   "[oslo_messaging_notifications]\ndriver=messagingv2\n")
        file.flush()
        config.parse_args(["masakari_events", "--config-file", file.name])
    objects.register_all()
    migration.db_sync()


def segment_of(ctx, name):
    segment = objects.FailoverSegment(context=ctx)
    segment.name, segment.service_type, segment.recovery_method = name, "COMPUTE", "auto"
    segment.description, segment.enabled = None, True
    return segment


def host_of(ctx, segment):
    host = objects.Host(context=ctx)
    host.name, host.failover_segment, host.type, host.control_attributes = "compute-1", segment, "COMPUTE", "SSH"
    host.on_maintenance = host.reserved = False
    return host


def notification_of(ctx, host):
    notification = objects.Notification(context=ctx)
    notification.type, notification.source_host_uuid, notification.status = "COMPUTE_HOST", host.uuid, "new"
    notification.generated_time = datetime.datetime(2026, 11, 20, 8, 28, 51, 123456, tzinfo=datetime.timezone.utc)
    notification.payload = {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}
    return notification


def fails(notify, what, action, error):
    try:
        raise error
    except type(error) as caught:
        notify(what, action=action, phase="error", exception=caught, tb=traceback.format_exc())


def main():
    configure(*sys.argv[1:])
    ctx = Context(**ADMIN)

    def processed(phase, **more):
        engine_utils.notify_about_notification_update(ctx, notification, action="notification.process", phase=phase, **more)

    segment = segment_of(ctx, "seg-1")
    segment.create()
    fails(lambda *a, **k: api_utils.notify_about_segment_api(ctx, *a, **k), segment_of(ctx, "seg-1"), "segment.create",
          exception.FailoverSegmentExists(name="seg-1"))
    segment.update({"description": "now with words", "enabled": False})
    segment.save()
    host = host_of(ctx, segment)
    host.create()
    fails(lambda *a, **k: api_utils.notify_about_host_api(ctx, *a, **k), host_of(ctx, segment), "host.create",
          exception.HostExists(name="compute-1"))
    host.update({"on_maintenance": True})
    host.save()
    notification = notification_of(ctx, host)
    notification.create()
    processed("start")
    notification.update({"status": "running"})
    notification.save()
    processed("end")
    processed("error", exception="Failed to evacuate instances", tb="Traceback (most recent call last):\n")
    host.destroy()
    segment.destroy()
    rpc.cleanup()


main()
