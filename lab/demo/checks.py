"""checks.py: what was promised, each looked up where Themis has no hand: guest oracle, Nova, the BMCs' log, the lab's power
switch, and for the record of reasons the database. A check that finds nothing to judge fails.
"""
import collections
import datetime
import re
import time

from oracle.analyse import utc

ORACLE, NOVA, BMC, DATABASE = "guest oracle", "Nova", "BMC log", "database"
GATE, SWITCH = "requests at Nova's door", "power switch and guest oracle"
Check = collections.namedtuple("Check", "what source ok seen")
EVACUATE = re.compile(r"^(\d+\.\d+) evacuate (\S+) from \d+ answer (\d+)")
CONTROL = re.compile(r"^(\d+\.\d+) (h\d+) chassis control (\w+)")
SWITCHED = re.compile(r"^(\d+\.\d+) (h\d+) (\w+)")


# ---- readings

def since(story, pattern, log):
    """Matches of a log's lines whose time is at or after the fault, or the play's beginning when it has none."""
    found, begin = (pattern.match(line) for line in story.lab.log(log)), (story.t_fault or story.began).timestamp() - 0.01
    return [m for m in found if m and float(m[1]) >= begin]


def controls(story, host=None, verb="off"):
    """Times of power commands that BMCs got since the fault."""
    h = host and "h" + host.removeprefix("compute-")
    return [float(m[1]) for m in since(story, CONTROL, "bmc-sim") if m[3] == verb and h in (None, m[2])]


def died(story, host):
    """When the power switch ended the host's last process: every time since the fault."""
    h = "h" + host.removeprefix("compute-")
    return [float(m[1]) for m in since(story, SWITCHED, "power") if m[2] == h and m[3] == "off"]


def evacuations(story):
    """Nova's evacuation migrations of the story's instances that were made since it began."""
    listed = story.nova.nova("GET", "/os-migrations?migration_type=evacuation")["migrations"]
    begin = story.began.replace(tzinfo=None) - datetime.timedelta(seconds=2)  # Nova stores whole seconds
    return [m for m in listed if m["instance_uuid"] in story.all
            and datetime.datetime.fromisoformat(m["created_at"]) >= begin]


def requests(story):
    """(time, instance) of the evacuate requests that Nova accepted since the fault, in the order they came."""
    return sorted((float(m[1]), m[2]) for m in since(story, EVACUATE, "nova-gate") if m[3].startswith("2"))


def receiving(story):
    """A host that an instance of the victim is on its way to, by Nova's word; None when there is none now."""
    return next((m["dest_compute"] for m in evacuations(story) if m["status"] == "pre-migrating" and m["dest_compute"]), None)


def moved_runs(story):
    """{instance of the victim: its first run on another host since the fault}"""
    found = {}
    for run in story.lab.oracle.runs(story.began_mono):
        if run.uuid in story.mine and run.host != story.victim and run.first >= story.mono_fault:
            found.setdefault(run.uuid, run)
    return found


def count(n, noun):
    return f"{n} {noun}" + ("" if n == 1 else "s")


# ---- about instances

def never_twice(story):
    twice = {o.uuid for o in story.lab.oracle.twice(story.began_mono)}
    return Check("no instance ran on two hosts at any time", ORACLE, bool(story.all) and not twice,
                 f"{count(len(story.all), 'instance')} watched, {len(twice)} ran twice")


def all_back(story):
    running = story.lab.oracle.running()
    good = {u for u in story.mine if running.get(u) and len(running[u]) == 1 and story.victim not in running[u]}
    return Check(f"every instance of {story.victim} runs on another host", ORACLE, bool(story.mine) and good == story.mine,
                 f"{len(good)} of {len(story.mine)} run elsewhere, once")


def undisturbed(story):
    went_on = {r.uuid for r in story.lab.oracle.runs(time.monotonic() - 1) if r.uuid in story.mine
               and r.host == story.victim and r.first < story.mono_fault}
    return Check(f"every instance of {story.victim} ran on there all the time", ORACLE,
                 bool(story.mine) and went_on == story.mine, f"{len(went_on)} of {len(story.mine)} still in the same run")


def nothing_started(story):
    started = moved_runs(story)
    return Check("no instance was started anywhere else", ORACLE, bool(story.mine) and not started,
                 f"{len(started)} of {len(story.mine)} started elsewhere")


def others_undisturbed(story):
    theirs = story.all - story.mine
    went_on = {r.uuid for r in story.lab.oracle.runs(time.monotonic() - 1) if r.uuid in theirs and r.first < story.mono_fault}
    return Check("instances of the other hosts ran on all the time", ORACLE, bool(theirs) and went_on == theirs,
                 f"{len(went_on)} of {len(theirs)} still in the same run")


def guests_went_on(story):
    last = {r.uuid: r.last for r in story.lab.oracle.runs(story.began_mono) if r.host == story.victim and r.uuid in story.mine}
    least = min((last[u] - story.mono_fault for u in story.mine if u in last), default=0)
    return Check("the guests wrote on after the fault, so only a fence could end them", ORACLE,
                 set(last) == story.mine and least > 2, f"the first to end wrote for {least:.1f} s more")


def off_before_start(story):
    """Between the end of the source and the start of an instance elsewhere nothing overlaps, by the switch's own word."""
    runs, off = moved_runs(story), died(story, story.victim)
    margins = [utc(r.first).timestamp() - max((t for t in off if t <= utc(r.first).timestamp()), default=float("inf"))
               for r in runs.values()]
    return Check(f"{story.victim} was off before any of its instances started elsewhere", SWITCH,
                 bool(margins) and min(margins) > 0,
                 f"first start {min(margins):.1f} s after the power went" if margins and min(margins) > 0 else
                 f"{count(len(margins), 'start')}, {count(len(off), 'power-off')}")


def stranded(story, hosts):
    """Instances that do not run, exactly once, on a host other than these."""
    running = story.lab.oracle.running()
    return {u for u in story.all if len(running.get(u, ())) != 1 or running[u] & hosts}


def everything_runs(story):
    gone = {story.victim, story.facts["dest"]}
    left = stranded(story, gone)
    return Check(f"every instance runs on a host other than {' and '.join(sorted(gone))}", ORACLE,
                 bool(story.all) and not left, f"{len(story.all) - len(left)} of {len(story.all)}")


# ---- about Nova

def nova_moved(story):
    servers = {s["id"]: s for s in story.nova.nova("GET", "/servers/detail?all_tenants=1&limit=1000")["servers"]}
    good = [u for u in story.mine if u in servers and servers[u]["status"] == "ACTIVE"
            and servers[u]["OS-EXT-SRV-ATTR:host"] != story.victim]
    return Check("Nova has every one of them active on another host", NOVA, bool(story.mine) and len(good) == len(story.mine),
                 f"{len(good)} of {len(story.mine)}")


def one_evacuation_each(story):
    per = collections.Counter(m["instance_uuid"] for m in evacuations(story) if m["source_compute"] == story.victim)
    return Check(f"one evacuation from {story.victim} for each instance", NOVA,
                 set(per) == story.mine and set(per.values()) == {1},
                 f"{count(sum(per.values()), 'migration')} of {count(len(per), 'instance')}")


def posted_once(story):
    posts = collections.Counter(instance for _, instance in requests(story))
    twice = [u for u, n in posts.items() if n > 1]
    return Check("no evacuation was requested twice", GATE, set(posts) == story.mine and not twice,
                 f"{count(sum(posts.values()), 'request')} for {count(len(posts), 'instance')}")


def destination_off_before_retry(story):
    """Requests for an instance that was on its way to the destination come after that one's power went, never before."""
    dest, hung, posts = story.facts["dest"], story.facts["dest_hung"], collections.defaultdict(list)
    for when, instance in requests(story):
        posts[instance].append(when)
    arrived = {r.uuid for r in moved_runs(story).values() if r.host == dest}
    again = {u: times[1:] for u, times in posts.items() if len(times) > 1}
    stuck = {m["instance_uuid"] for m in evacuations(story) if m["source_compute"] == story.victim
             and m["dest_compute"] == dest} - arrived | set(again)
    off = min((t for t in died(story, dest) if t >= hung), default=float("inf"))
    early = [u for u, times in again.items() if min(times) <= off]
    return Check(f"no instance was posted a second time before {dest} was off", GATE, bool(stuck) and not early,
                 f"{count(len(stuck), 'instance')} caught on the way to {dest}, {len(again)} posted again, {len(early)} of them too early")


def held_until_vouched(story):
    early = [when for when, _ in requests(story) if when < story.facts["vouched"]]
    starts = [r for r in moved_runs(story).values() if utc(r.first).timestamp() < story.facts["vouched"]]
    return Check("nothing was requested or started before the operator's word", GATE + ", " + ORACLE, not early and not starts,
                 f"{count(len(early), 'request')} and {count(len(starts), 'start')} before it")


def leader_changed(story):
    killed = [line for line in story.lab.log("nova-gate")[story.facts["gate"]:] if " killed " in line]
    before, after = story.facts["leader"], story.themis.leader()
    return Check("the leader was killed after its request, another engine leads", DATABASE,
                 len(killed) == 1 and bool(after) and after != before, f"{before} was killed, {after} leads")


def nova_told(story):
    service = services(story)[story.victim]
    return Check("Nova holds the host forced down and disabled", NOVA, service["forced_down"] and service["status"] == "disabled",
                 f"forced_down {service['forced_down']}, {service['status']}, reason {service['disabled_reason']}")


def nova_untouched(story):
    marked = [h for h, s in services(story).items() if s["forced_down"] or s["status"] != "enabled"]
    moved = evacuations(story)
    return Check("nothing was forced down, disabled or evacuated", NOVA, not marked and not moved,
                 f"{count(len(marked), 'host')} marked, {count(len(moved), 'evacuation')}")


def not_evacuated(story):
    moved = evacuations(story)
    return Check("nothing was evacuated", NOVA, not moved, count(len(moved), "evacuation"))


def services(story):
    return {s["host"]: s for s in story.nova.nova("GET", "/os-services?binary=nova-compute")["services"]}


# ---- about power

def fenced(story):
    off = controls(story, story.victim)
    return Check(f"the BMC of {story.victim} was told to switch off", BMC, bool(off), count(len(off), "power-off command"))


def fenced_again(story):
    again = [t for t in controls(story, story.victim) if t > story.facts["power_on"]]
    return Check(f"after its power came back {story.victim} was switched off again", BMC, bool(again),
                 f"{count(len(again), 'power-off command')} after the return")


def only_the_victim_fenced(story):
    others = len(controls(story)) - len(controls(story, story.victim))
    return Check("no other machine was told to switch off", BMC, others == 0, f"{others} elsewhere")


def nobody_fenced(story):
    off = controls(story)
    return Check("no BMC got a power-off command", BMC, not off, count(len(off), "power-off command"))


# ---- about the record

def incident_closed(story):
    mine = [i for i in story.themis.incidents(story.began) if i["host_name"] == story.victim]
    last = mine[-1] if mine else {}
    return Check("the incident is closed with its outcome", DATABASE, last.get("status") == "closed" and bool(last.get("outcome")),
                 f"{count(len(mine), 'incident')}, the last {last.get('status')}: {last.get('outcome')}")


def vmoves_recorded(story):
    mine = [i for i in story.themis.incidents(story.began) if i["host_name"] == story.victim and i["notification_uuid"]]
    if not mine:
        return Check("a succeeded vmove for each instance, the notification finished", DATABASE, False, "no notification")
    uuid = mine[-1]["notification_uuid"]
    rows = story.themis.rows("instance_uuid,status", f"from vmoves where notification_uuid = '{uuid}' and deleted = 0")
    status = story.themis.rows("status", f"from notifications where notification_uuid = '{uuid}'")[0]["status"]
    good = {r["instance_uuid"] for r in rows if r["status"] == "succeeded"}
    return Check("a succeeded vmove for each instance, the notification finished", DATABASE,
                 good == story.mine and status == "finished", f"{count(len(good), 'vmove')} succeeded, notification {status}")


def reason_recorded(*codes):
    """One of these reason codes stands in the record since the fault, or in the victim's stored view."""
    def check(story):
        seen = collections.Counter(e["reason"]["code"] for e in story.themis.events(story.began))
        for state in story.themis.states().values():
            seen.update(codes_in(state))
        good = [c for c in codes if seen[c]]
        return Check("the reason is on record: " + " or ".join(codes), DATABASE, bool(good),
                     ", ".join(f"{c} ({seen[c]})" for c in good) or "instead: " + ", ".join(sorted(seen)))
    return check


def codes_in(value):
    """Every `code` inside a JSON value."""
    if isinstance(value, dict):
        found = [value["code"]] if isinstance(value.get("code"), str) else []
        return found + [c for v in value.values() for c in codes_in(v)]
    return [c for v in value for c in codes_in(v)] if isinstance(value, list) else []
