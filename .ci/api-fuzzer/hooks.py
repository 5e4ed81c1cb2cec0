"""Leads half of the fuzzer's requests to things that exist: random ids and names alone would only ever meet a 404.

The other half goes as it was generated. Which half a request belongs to follows from the request itself, so that a failure
can be repeated from its seed. Environment: FUZZ_URL, FUZZ_TOKEN.
"""
import itertools
import json
import os
import urllib.request
import zlib

import schemathesis

URL, TOKEN = os.environ["FUZZ_URL"], os.environ["FUZZ_TOKEN"]
USES = 12  # then the seeds are made anew: a deletion may have taken them
numbers = itertools.count(1)
DEVICES = "127." + ".".join(str(os.getpid() >> shift & 255) for shift in (16, 8, 0))  # rounds share a database


def post(path, body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), method="POST", headers={
        "X-Auth-Token": TOKEN, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Seeds:
    """A segment with a host, a notification, a power device and a request; kept for a while."""

    def __init__(self):
        self.ids, self.uses = {}, USES

    def get(self):
        self.uses += 1
        if self.uses > USES:
            self.ids, self.uses = self.make(), 1
        return self.ids

    @staticmethod
    def make():
        n = next(numbers)
        body = {"name": f"fuzz-{os.getpid()}-{n}", "recovery_method": "auto", "service_type": "COMPUTE"}
        segment = post("/v1/segments", {"segment": body})["segment"]["uuid"]
        name = f"compute-{os.getpid()}-{n}"
        body = {"name": name, "type": "COMPUTE", "control_attributes": "SSH"}
        host = post(f"/v1/segments/{segment}/hosts", {"host": body})["host"]["uuid"]
        body = {"address": DEVICES, "port": 20000 + n % 40000, "username": "u", "password": "p"}
        device = post(f"/themis/v1/hosts/{host}/power-devices", {"power_device": body})["power_device"]["uuid"]
        ids = {"segment": segment, "host": host, "host_name": name, "device": device}
        # Every second host is left without a report: one that is being processed may not be renamed or deleted.
        if n % 2:
            body = {"type": "COMPUTE_HOST", "hostname": name, "generated_time": "2026-11-20T08:28:51Z",
                    "payload": {"event": "STARTED", "host_status": "NORMAL"}}
            ids["notification"] = post("/v1/notifications", {"notification": body})["notification"]["notification_uuid"]
        ids["request"] = post(f"/themis/v1/hosts/{host}/disable", {"reason": "fuzz"})["request"]["uuid"]
        return ids


SEEDS = Seeds()


def chosen(case):
    said = repr((case.method, case.path, case.path_parameters, case.query, case.body))
    return zlib.crc32(said.encode("utf-8", "surrogatepass")) % 2 == 0


def stay_at_home(case):
    """No power device but on this machine is ever spoken to."""
    device = case.body.get("power_device") if isinstance(case.body, dict) else None
    if isinstance(device, dict) and isinstance(device.get("address"), str) and device["address"]:
        device["address"] = "127.0.0.1"


@schemathesis.hook
def before_call(context, case, kwargs):
    stay_at_home(case)
    if not chosen(case):
        return
    ids = SEEDS.get()
    if isinstance(case.path_parameters, dict):
        for name in case.path_parameters:
            case.path_parameters[name] = ids.get(name, case.path_parameters[name])
    if not isinstance(case.body, dict):
        return
    host, notification = case.body.get("host"), case.body.get("notification")
    if case.method == "POST" and isinstance(host, dict) and "name" in host:
        host["name"] = f"compute-new-{os.getpid()}-{next(numbers)}"
    if isinstance(notification, dict) and "hostname" in notification:
        notification["hostname"] = ids["host_name"]
        notification["generated_time"] = "2026-11-20T08:28:51Z"
