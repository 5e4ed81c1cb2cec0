"""outsiders.py: scenarios in which what OpenStack already has drives Themis, unmodified: Masakari's process monitor, its host
monitor with the Consul driver, and its clients. Their checks need readings in the course of the play, so they are claims.
"""
import json
import pathlib
import re
import subprocess
import time

from demo import checks as c
from demo.labtool import HERE, until
from demo.scenarios import BACK_S, RECOVERED, longest, scenario

POST_S = 40       # until a monitor has posted what it saw
ENDED_S = 90      # until a notification that needs little has ended
DUPLICATE_S = 180  # so long an equal notification of one host is a duplicate
CLIENTS_S = 240   # all commands of one client
OVER = ("finished", "ignored", "failed", "error")
DISABLED_BECAUSE = "Masakari detected process failed."
LAYERS = 3        # networks that the Consul driver reads in a round
CLIENTS = {"Debian's": lambda lab: "/usr/bin/python3", "the newest": lambda lab: lab.run("newest-clients", seconds=300)}


# ---- readings

def notification_of(story, kind, payload):
    """The notification of that type about the victim whose payload says at least this, since the play began."""
    rows = story.themis.rows("notification_uuid,status,payload,on_maintenance,message", "from (select n.*, h.on_maintenance from "
                             f"notifications n join hosts h on h.uuid = n.source_host_uuid where h.name = '{story.victim}' and n.type = "
                             f"'{kind}' and n.created_at >= '{story.began:%F %T}') t order by id")
    return [r for r in rows if payload.items() <= json.loads(r["payload"]).items()]


def ended(story, kind, payload):
    """It when it has come to its end."""
    return next((r for r in notification_of(story, kind, payload) if r["status"] in OVER), None)


def log_of(story, host, name):
    """What a monitor of that host wrote since this was first asked for in this play."""
    lines = story.lab.log(f"h{host.removeprefix('compute-')}-{name}")
    return "\n".join(lines[story.facts.setdefault((host, name), len(lines)):])


def agent_pid(story):
    """The process that the process monitor looks after on the victim; None when it does not run."""
    program = f"{story.lab.dir}/hosts/h{story.victim.removeprefix('compute-')}/bin/lab-agent"
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[0].decode(errors="replace") == program:
                return int(path.parent.name)
        except OSError:
            continue
    return None


def maintenance(story, wanted):
    """Sets the victim's maintenance flag with Debian's client."""
    story.themis.openstack("segment", "host", "update", "demo", story.victim, "--on_maintenance", str(wanted))


# ---- Masakari's process monitor

@scenario("process-monitor", "Masakari's own process monitor: what it can restart it restarts, what it cannot it tells Themis.",
          [c.never_twice, c.undisturbed, c.nobody_fenced, c.not_evacuated], layout=4)
def process_monitor(story):
    wait_out_duplicates(story, "PROCESS")
    log_of(story, story.victim, "masakari-process")
    story.lab.run("masakari", story.victim, "process", "start")
    try:
        first = until("the process that masakari-processmonitor starts", lambda: agent_pid(story), 30)
        story.fault(f"{story.victim}: a process dies that its monitor can restart")
        restarted(story, first)
        story.say("it dies again, and its program is gone")
        cannot_restart(story, "lab-agent", lambda: (story.lab.run("masakari", story.victim, "agent", "break"),
                                                    story.lab.run("masakari", story.victim, "agent", "kill")))
        story.claim("Nova's service is left alone for a process that is not nova-compute", c.NOVA,
                    c.services(story)[story.victim]["status"] == "enabled", c.services(story)[story.victim]["status"])
        story.lab.run("masakari", story.victim, "agent", "mend")
        maintenance(story, False)
        story.say("the operator mends it and takes the host out of maintenance; now nova-compute dies for good")
        cannot_restart(story, "nova-compute", lambda: story.lab.run("compute", story.victim, "kill"))
        service = c.services(story)[story.victim]
        story.claim("Nova's service is disabled, with Masakari's reason", c.NOVA,
                    (service["status"], service["disabled_reason"]) == ("disabled", DISABLED_BECAUSE),
                    f"{service['status']}: {service['disabled_reason']}")
    finally:
        story.lab.run("masakari", story.victim, "process", "kill")
        story.lab.run("compute", story.victim, "start")
        nova_enables(story)
        maintenance(story, False)


def wait_out_duplicates(story, kind):
    """An earlier play's notification would make the monitor's, which says the same, a duplicate."""
    until("an earlier play's notifications are no duplicates any more", lambda: not story.themis.rows(
        "notification_uuid", f"from notifications n join hosts h on h.uuid = n.source_host_uuid where h.name = '{story.victim}' and n.type = "
        f"'{kind}' and generated_time > utc_timestamp() - interval {DUPLICATE_S + 5} second"), DUPLICATE_S + 20, 2)


def restarted(story, first):
    """It is killed; the monitor starts it again and tells nobody."""
    story.lab.run("masakari", story.victim, "agent", "kill")
    again = until("the process runs again", lambda: agent_pid(story) not in (None, first), 30)
    sent = notification_of(story, "PROCESS", {})
    story.claim("the monitor restarted it and sent nothing", c.DATABASE, again and not sent, c.count(len(sent), "notification"))


def cannot_restart(story, process, fault):
    """The process dies and cannot be restarted: a notification comes, is handled as Masakari does, the host is on maintenance."""
    payload = {"event": "STOPPED", "process_name": process}
    fault()
    until(f"the monitor's notification of {process}", lambda: notification_of(story, "PROCESS", payload), POST_S)
    row = until(f"the end of the notification of {process}", lambda: ended(story, "PROCESS", payload), ENDED_S)
    rows = notification_of(story, "PROCESS", payload)
    story.claim(f"{process}: one PROCESS notification, finished, the host on maintenance", c.DATABASE, len(rows) == 1 and
                (row["status"], row["on_maintenance"]) == ("finished", "1") and json.loads(row["payload"]) == payload,
                f"{len(rows)}, {row['status']} ({row['message']}), on_maintenance {row['on_maintenance']}")
    shown = story.themis.openstack("notification", "show", row["notification_uuid"])
    story.claim(f"{process}: openstack notification show says the same", "python3-masakariclient",
                (shown["type"], shown["status"], shown["payload"]) == ("PROCESS", row["status"], payload),
                f"{shown['type']} {shown['status']} {shown['payload']}")
    answered = f"notification_uuid={row['notification_uuid']}" in log_of(story, story.victim, "masakari-process")
    story.claim(f"{process}: the monitor got it as its answer", "log of masakari-processmonitor", answered, row["notification_uuid"])


def nova_enables(story):
    """What an operator does after such a failure."""
    service = c.services(story)[story.victim]["id"]
    story.nova.nova("PUT", f"/os-services/{service}", {"status": "enabled"})


# ---- Masakari's host monitor, Consul driver

@scenario("consul-monitor", "Masakari's own host monitor with the Consul driver is the first to see a host die: Themis takes its "
          "word up, looks for itself, fences and recovers.", [*RECOVERED, c.fenced, c.one_evacuation_each, c.posted_once,
                                                              c.reason_recorded("claimed")],
          victim="compute-3")  # another than most scenarios': equal notifications within three minutes are duplicates
def consul_monitor(story):
    reporters = story.others[:2]
    ours = [*story.others, "ctl"]
    wait_out_duplicates(story, "COMPUTE_HOST")
    for host in reporters:
        log_of(story, host, "consul-bridge"), log_of(story, host, "masakari-host")
        story.lab.run("masakari", host, "host", "start")
    try:
        for host in reporters:  # the first reading only tells it what is normal
            until(f"the host monitor of {host} reads Consul's members", lambda h=host: log_of(story, h, "consul-bridge").count(
                '/v1/agent/members HTTP/1.1" 200') >= 3 * LAYERS, 40)
        for host in ours:
            story.lab.run("monitor", host, "stop")
        story.say("Themis's own monitors are held up; serf's agents go on")
        story.fault(f"{story.victim}: kernel panic")
        story.lab.run("kill", story.victim)
        payload = {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}
        row = until("the notification of masakari-hostmonitor", lambda: notification_of(story, "COMPUTE_HOST", payload), POST_S)[0]
        story.say(f"masakari-hostmonitor posted notification {row['notification_uuid']}")
        until("the incident that the notification opens", lambda: incident_of(story, row), 30)
        for host in ours:
            story.lab.run("monitor", host, "cont")
        story.say("Themis's own monitors are back")
        story.wait_back(longest(story) + BACK_S)
        delivered(story, reporters, row["notification_uuid"], payload)
    finally:
        for host in ours:
            story.lab.run("monitor", host, "cont")
        for host in reporters:
            story.lab.run("masakari", host, "host", "kill")


def incident_of(story, row):
    """The incident that adopted this notification, as the API shows it."""
    listed = story.themis.get("/incidents")["incidents"]
    return next((i for i in listed if i["notification_uuid"] == row["notification_uuid"]), None)


def delivered(story, reporters, uuid, payload):
    """One notification by two monitors; it is the incident's own, and it ended well."""
    rows = notification_of(story, "COMPUTE_HOST", {"event": "STOPPED"})
    story.claim("one STOPPED notification about the host, the monitor's, and it is finished", c.DATABASE,
                [(r["notification_uuid"], r["status"]) for r in rows] == [(uuid, "finished")], [r["status"] for r in rows])
    logs = [log_of(story, host, "masakari-host") for host in reporters]
    took = [f"notification_uuid={uuid}" in log for log in logs]
    twice = ["same notification have been already sent" in log for log in logs]  # of the first, too, when networks fail one by one
    story.claim("one monitor got it as its answer, the other heard that it had been sent already", "logs of masakari-hostmonitor",
                sum(took) == 1 and all(a or b for a, b in zip(took, twice)), f"{took} and {twice}")
    kept = story.themis.rows("address,user_name,answer", f"from corroborations where notification_uuid = '{uuid}' order by address")
    addresses = [f"10.77.1.{host.removeprefix('compute-')}" for host in reporters]
    story.claim("both reporters are on record, with address and account", c.DATABASE, [(r["address"], r["user_name"]) for r in kept] ==
                [(address, "masakari") for address in sorted(addresses)], [tuple(r.values()) for r in kept])
    incidents = [i for i in story.themis.incidents(story.began) if i["host_name"] == story.victim]
    story.claim("it is the notification of the only incident", c.DATABASE, [i["notification_uuid"] for i in incidents] == [uuid],
                c.count(len(incidents), "incident"))
    shown = story.themis.openstack("notification", "show", uuid)
    done = shown["recovery_workflow_details"] or []
    story.claim("openstack notification show: finished, with the steps of the recovery", "python3-masakariclient",
                shown["status"] == "finished" and shown["payload"] == payload and len(done) > 0 and
                all(step["state"] == "SUCCESS" for step in done), f"{shown['status']}, {[(s['name'], s['state']) for s in done]}")
    listed = story.themis.cli("incident", "list")
    story.claim("themis incident list shows it closed", "themis", any(
        story.victim in line and "closed" in line for line in listed.splitlines()), re.sub(r"\s+", " ", listed)[-160:])


# ---- clients

@scenario("clients", "Every command of Debian's masakariclient and of the newest, openstacksdk and the dashboard's calls.",
          [c.never_twice], layout=2)
def clients(story):
    if not story.themis.rows("uuid", "from vmoves where status = 'succeeded'"):
        story.say("no recovery is on record yet, and two commands show one: a host is lost first")
        story.fault(f"{story.victim}: kernel panic")
        story.lab.run("kill", story.victim)
        story.wait_back(longest(story) + BACK_S)
    with_endpoints(story, lambda: [run_clients(story, name, python(story.lab)) for name, python in CLIENTS.items()])


def run_clients(story, name, python):
    """Runs both modules in one interpreter; each line that they print is a claim."""
    port = story.lab.env["LAB_HA_URL"].rsplit(":", 1)[1].split("/")[0]
    tag = name.rsplit(" ", 1)[-1].removesuffix("'s").lower()
    for module in ("clients.osc", "clients.sdk"):
        began, said, ok = time.monotonic(), 0, True
        r = subprocess.run([python, "-B", "-m", module, tag, port], capture_output=True, text=True, timeout=CLIENTS_S,
                           env={**story.lab.client_env(), "PYTHONPATH": str(HERE)})
        for line in filter(lambda text: text.startswith("{"), r.stdout.splitlines()):
            made = json.loads(line)
            story.claim(f"{name}: {made['what']}", module, made["ok"], made["seen"])
            said, ok = said + 1, ok and made["ok"]
        story.claim(f"{name}: {module} came to its end", "exit status", r.returncode == (0 if ok else 1) and said > 5,
                    f"exit {r.returncode}, {said} claims in {time.monotonic() - began:.0f} s {r.stderr[-300:] if r.returncode else ''}")


def with_endpoints(story, work):
    """Does the work while the catalogue also has the service without the project in its URL, and without a version."""
    cloud, url = story.nova, story.lab.env["LAB_HA_URL"].removesuffix("/v1")
    identity = cloud.urls["identity"]
    service = cloud.call("identity", "GET", "/services?type=instance-ha")["services"][0]["id"]
    made = []
    try:
        for region, path in (("plain", "/v1"), ("bare", "")):
            cloud.http("POST", f"{identity}/regions", {"region": {"id": region}})  # 409 when an earlier play left it
            made.append(cloud.call("identity", "POST", "/endpoints", {"endpoint": {
                "service_id": service, "interface": "public", "region_id": region, "url": url + path}})["endpoint"]["id"])
        work()
    finally:
        for endpoint in made:
            cloud.http("DELETE", f"{identity}/endpoints/{endpoint}")
