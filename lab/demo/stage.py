"""stage.py: sets the stage: everything registered, faults of an earlier play undone, hosts in service, instances booted,
armed or observing, every host active and protected. Wherever the lab was left, `set` brings it there or says what it
waits for; every wait has a deadline.
"""
import collections
import time

from demo.labtool import LabError, until

SEGMENT = "demo"
INSTANCES = 20
CLEAR_S = 240    # until hosts that were hit are back in service
TICK_S = 180     # until guests that Nova started are seen ticking
PROTECT_S = 180  # until a registered or returned host is active and protected
IN_RECOVERY = ("fencing", "fenced", "evacuating")


class Stage:
    """The stage of one lab."""

    def __init__(self, lab, themis, timeline):
        self.lab, self.themis, self.timeline = lab, themis, timeline
        self.ids = {}

    def say(self, text):
        """What is being done, without a time: the story has not begun."""
        self.timeline.plain(self.timeline.paint("note", "  " + text))

    def set(self, victim, scenario):
        """Ready to play `scenario` on `victim`."""
        self.register()
        self.undo_faults()
        self.delete_servers()
        self.return_hosts()
        self.clear_guests()
        if scenario.armed:
            until("arming", self.arm, PROTECT_S, 2)
            self.say("armed")
        else:
            self.themis.cli("observe", "--reason", "demo")
            self.say("observing only")
        self.boot(victim, scenario.layout)
        self.wait_ready(scenario.armed)
        if scenario.armed:
            self.themis.cli("power-device", "test", victim)  # ends with 1, and so with an error, when it does not pass
            self.say(f"the leading engine reaches the power device of {victim}, and it is the host's own")

    # ---- registration

    def register(self):
        """Segment, hosts and power devices, where they are missing: by Debian's OpenStack client and by `themis`."""
        names = {s["name"]: s["uuid"] for s in self.themis.openstack("segment", "list")}
        if SEGMENT not in names:
            names[SEGMENT] = self.themis.openstack("segment", "create", SEGMENT, "auto", "COMPUTE")["uuid"]
            self.say(f"segment {SEGMENT}: openstack segment create {SEGMENT} auto COMPUTE")
        known = {h["name"] for h in self.themis.openstack("segment", "host", "list", names[SEGMENT])}
        for host in self.lab.hosts():
            if host not in known:
                self.themis.openstack("segment", "host", "create", host, "COMPUTE", "SSH", names[SEGMENT])
                self.say(f"host {host}: openstack segment host create {host} COMPUTE SSH {SEGMENT}")
            self.point_power_device(host, host)
        for row in self.themis.rows("name", "from hosts where deleted = 0 and on_maintenance = 1"):
            self.themis.openstack("segment", "host", "update", names[SEGMENT], row["name"], "--on_maintenance", "False")
            self.say(f"{row['name']} is out of maintenance")

    def point_power_device(self, host, owner):
        """The record of `host` names the BMC of `owner` (a host, or `spare`) and no other."""
        words = self.lab.run("bmc", owner).split()
        address, password = words[words.index("-H") + 1], words[words.index("-P") + 1]
        devices = self.themis.power_devices(host)
        if [d["address"] for d in devices] == [address]:
            return
        for device in devices:
            self.themis.cli("power-device", "delete", host, device["uuid"])
        self.themis.set_power_device(host, address, password)
        self.say(f"power device of {host}: ipmi at {address}")

    def arm(self):
        """Whether Themis let itself be armed; it refuses until every power device is bound."""
        try:
            self.themis.cli("arm", "--reason", "demo")
            return True
        except LabError:
            return False

    # ---- undoing

    def undo_faults(self):
        """Cuts healed, BMC faults gone, agents startable, engines running, stopped processes resumed."""
        self.lab.run("heal", "all")
        self.lab.run("gate", "off")
        for host in self.lab.hosts():
            self.lab.run("fault", host)
            self.lab.run("agents", host, "alive")
        for engine in ("engine-1", "engine-2"):
            self.lab.run("engine", engine, "start")

    def return_hosts(self):
        """Every host on and healthy, in service for Themis and for Nova."""
        end, said, enabled = time.monotonic() + CLEAR_S, None, {}
        while True:
            waiting = [w for w in map(lambda h: self.return_host(h, enabled), self.lab.hosts()) if w]
            if not waiting and not self.open_incidents():
                return
            text = "; ".join(waiting) or "open incidents"
            if text != said:
                said = text
                self.say("waiting: " + text)
            if any(word in text for word in IN_RECOVERY):
                self.arm()  # disarmed in the middle of a recovery, it would be held there
            if time.monotonic() > end:
                raise LabError(f"the lab cannot be brought back to a clean state ({text}); 'lab wipe' begins anew")
            time.sleep(1)

    def return_host(self, host, enabled):
        """One step towards service; what is still waited for, or None."""
        state = self.themis.states().get(host, {}).get("state", "initializing")
        if state in IN_RECOVERY:
            return f"{host} is {state}"  # never switched on while it is being recovered: that would be another fault
        if not self.lab.works("healthy", host):
            self.lab.run("power", host, "reset")
            return f"{host} boots"
        if state in ("evacuated", "disabled") and time.monotonic() - enabled.get(host, -60) > 30:
            enabled[host] = time.monotonic()
            self.themis.cli("host", "enable", host, "--reason", "demo: back in service")
        if state not in ("active", "initializing"):
            return f"{host} is {state}"
        return self.nova_has(host, state)

    def nova_has(self, host, state):
        """What Nova still lacks for that host; None when nothing."""
        listed = self.lab.cloud().nova("GET", f"/os-services?binary=nova-compute&host={host}")["services"]
        if not listed or listed[0]["state"] != "up" or listed[0]["forced_down"] or listed[0]["status"] != "enabled":
            marks = f"{listed[0]['state']}, {listed[0]['status']}, forced_down {listed[0]['forced_down']}" if listed else "unknown"
            return f"Nova has {host} {marks}"
        return None

    def open_incidents(self):
        """Incidents that have not ended."""
        return self.themis.rows("uuid", "from incidents where status = 'open'")

    # ---- instances

    def delete_servers(self):
        """Every server is asked to go. One on a host that hangs goes when that host is back; nobody waits for it here."""
        nova = self.lab.cloud()
        for server in nova.nova("GET", "/servers/detail?all_tenants=1&limit=1000")["servers"]:
            nova.http("DELETE", nova.urls["compute"] + "/servers/" + server["id"])

    def clear_guests(self):
        """No instance is left, in Nova or as a process, and the oracle starts afresh."""
        self.lab.run("servers", "delete", seconds=180)
        try:
            until("guests of deleted servers gone", lambda: not self.lab.oracle.running(), 15)
        except LabError:  # an earlier play left a guest that Nova does not know; that is why it failed
            for host in {h for hosts in self.lab.oracle.running().values() for h in hosts}:
                self.lab.run("power", host, "reset")
            self.return_hosts()
            until("guests of deleted servers gone", lambda: not self.lab.oracle.running(), 15)
        self.lab.oracle.forget()

    def boot(self, victim, layout):
        """Twenty instances, or as many as the layout says, all seen ticking."""
        others = [h for h in self.lab.hosts() if h != victim]
        total = layout if isinstance(layout, int) else INSTANCES
        if layout == "victim" or total == layout:
            plan = [(total, victim)]
        elif layout == "most":
            plan = [(INSTANCES - 2 * len(others), victim), *((2, h) for h in others)]
        else:
            plan = [(INSTANCES, None)]
        for n, host in plan:
            self.lab.run("servers", str(n), *([host] if host else []), seconds=320)
        try:
            until(f"{total} guests ticking", lambda: len(self.lab.oracle.running()) == total, TICK_S)
        except LabError as e:
            raise LabError(f"{e}: {len(self.lab.oracle.running())} do; Nova has {self.statuses()}") from None
        count = {}
        for hosts in self.lab.oracle.running().values():
            for host in hosts:
                count[host] = count.get(host, 0) + 1
        self.say(f"{total} instances run: " + ", ".join(f"{n} on {h}" for h, n in sorted(count.items())))

    def statuses(self):
        """Nova's servers, counted by status."""
        listed = self.lab.cloud().nova("GET", "/servers/detail?all_tenants=1&limit=1000")["servers"]
        count = collections.Counter(server["status"] for server in listed)
        return ", ".join(f"{n} {status}" for status, n in sorted(count.items())) or "none"

    def wait_ready(self, armed):
        """Every host active; armed, also protected."""
        def ready():
            hosts = self.themis.hosts()
            return all(hosts.get(h, {}).get("state") == "active" and (hosts[h]["protected"] or not armed) for h in self.lab.hosts())
        try:
            until("every host active and protected", ready, PROTECT_S, 1)
        except LabError as e:
            seen = "; ".join(f"{n} {h['state']} " + ", ".join(r["text"] for r in h["protected_reasons"])
                             for n, h in sorted(self.themis.hosts().items()))
            raise LabError(f"{e}: {seen}") from None
        self.say("every host is active and protected" if armed else "every host is active; Themis only observes")
