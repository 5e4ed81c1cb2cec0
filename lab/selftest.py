"""selftest.py: is the lab what it says it is? Run by `lab selftest`; wants a lab that is up, with or without Themis
(disarmed: it kills and hangs a host). Exit status 1 when a claim fails.

First of all that the guest oracle sees an instance run twice when it does: an oracle that never says "twice" proves
nothing. For that a host that lives is evacuated by hand, which Nova allows.
"""
import subprocess
import sys
import time
import uuid

from demo.labtool import Lab, LabError, until
from oracle.analyse import SILENT_S

FAILED = []
VICTIM, EVEN = "compute-1", "compute-2"
SETTLE_S = SILENT_S + 0.5  # so long after its end a guest no longer counts as running


def claim(text, holds):
    print(("ok      " if holds else "FAILED  ") + text, flush=True)
    if not holds:
        FAILED.append(text)


def guests(lab, host):
    return set(lab.run("census", host).split())


def ticking(lab, host):
    return {u for u, hosts in lab.oracle.running().items() if host in hosts}


def ipmi(lab, host, *words):
    line = ["exec", "ctl", "ipmitool", *lab.run("bmc", host).split(), "-N", "1", "-R", "2", *words]
    return lab.run(*line, seconds=30)


def guests_are_processes_of_their_host(lab):
    lab.run("servers", "4", VICTIM)
    mine = guests(lab, VICTIM)
    claim(f"four servers on {VICTIM}: the census finds four guests", len(mine) == 4)
    claim("each of them ticks there and nowhere else",
          all(lab.oracle.running().get(u) == {VICTIM} for u in mine))
    return mine


def guests_outlive_what_manages_them(lab, mine):
    lab.run("hang", VICTIM)
    time.sleep(SETTLE_S)
    claim("hang: guests go on", ticking(lab, VICTIM) == mine)
    lab.run("resume", VICTIM)
    lab.run("compute", VICTIM, "kill")
    lab.run("compute", VICTIM, "start")
    time.sleep(SETTLE_S)
    claim("nova-compute killed and started: guests go on", ticking(lab, VICTIM) == mine)


def running_twice_is_seen(lab, mine):
    began = time.monotonic()
    claim("nothing ran twice so far", not lab.oracle.twice(began))
    lab.run("compute", VICTIM, "kill")
    lab.run("evacuate", VICTIM)
    time.sleep(SETTLE_S)
    twice = {overlap.uuid for overlap in lab.oracle.twice(began)}
    claim("a host that lives, evacuated by hand: the oracle sees each of its instances run twice", twice == mine)


def a_host_that_returns_destroys_what_was_moved(lab, mine):
    lab.run("compute", VICTIM, "start")
    lab.run("return", VICTIM)
    time.sleep(SETTLE_S)
    claim("it returns: nova-compute ends the guests that were moved", not guests(lab, VICTIM) & mine)
    claim("they run on elsewhere, once",
          all(len(lab.oracle.running().get(u, ())) == 1 for u in mine))


def power_ends_guests(lab):
    lab.run("servers", "2", VICTIM)
    claim("the BMC reads on", ipmi(lab, VICTIM, "chassis", "power", "status").endswith("on"))
    ipmi(lab, VICTIM, "chassis", "power", "off")
    until("the BMC reads off", lambda: ipmi(lab, VICTIM, "chassis", "power", "status").endswith("off"), 10)
    claim("power off by IPMI: no process of the host is left", not lab.run("exec", "ctl", "ip", "netns", "pids",
                                                                          f"tl-{lab.env['LAB_ID']}-h1"))
    claim("its BMC's log tells it", any(" h1 chassis control off" in line for line in lab.log("bmc-sim")[-20:]))
    time.sleep(SETTLE_S)
    claim("no guest of it ticks", not ticking(lab, VICTIM))
    lab.run("power", VICTIM, "on")
    time.sleep(SETTLE_S)
    claim("power on: guests stay off until somebody starts them", not guests(lab, VICTIM))


def a_panic_is_not_a_power_off(lab):
    until("nova-compute is up", lambda: computes_up(lab), 90)
    lab.run("servers", "2", VICTIM)
    lab.run("kill", VICTIM)
    time.sleep(SETTLE_S)
    claim("kernel panic: no guest ticks, the BMC reads on",
          not ticking(lab, VICTIM) and ipmi(lab, VICTIM, "chassis", "power", "status").endswith("on"))
    lab.run("power", VICTIM, "on")
    claim("power on boots it again", until("boot", lambda: lab.works("exec", VICTIM, "true"), 20))


def computes_up(lab):
    listed = lab.cloud().nova("GET", "/os-services?binary=nova-compute")["services"]
    return all(s["state"] == "up" for s in listed)


def a_bmc_names_its_host(lab):
    for host in (VICTIM, EVEN):
        system = uuid.UUID((lab.dir / "hosts" / ("h" + host[-1]) / "system_uuid").read_text().strip())
        raw = bytes(int(x, 16) for x in ipmi(lab, host, "raw", "0x06", "0x37").split())
        order = {system.bytes: "plain", system.bytes_le: "mixed"}.get(raw)
        claim(f"the System GUID of {host} is its system UUID, in {order} order", order == ("plain" if host == VICTIM else "mixed"))
    claim("the spare machine's BMC reads off", ipmi(lab, "spare", "chassis", "power", "status").endswith("off"))


def only_management_leads_to_the_controller(lab):
    port = lab.env["OS_AUTH_URL"].split(":")[2].split("/")[0]
    probe = ["exec", EVEN, "/usr/bin/python3", "-c", f"import socket; socket.create_connection(('10.77.1.250', {port}), 2)"]
    claim("a host reaches the controller over management", lab.works(*probe))
    lab.run("cut", EVEN, "management")
    route = ["exec", EVEN, "ip", "route", "replace", "10.77.1.250/32", "via", "10.77.2.250", "dev", "storage0"]
    lab.run(*route)
    claim("cut, and with a route over storage: it does not", not lab.works(*probe))
    lab.run("exec", EVEN, "ip", "route", "del", "10.77.1.250/32")
    lab.run("heal", EVEN, "management")
    claim("healed: it does", bool(until("reach", lambda: lab.works(*probe), 20)))


def main():
    lab = Lab()
    lab.run("servers", "delete")
    lab.oracle.forget()
    mine = guests_are_processes_of_their_host(lab)
    guests_outlive_what_manages_them(lab, mine)
    running_twice_is_seen(lab, mine)
    a_host_that_returns_destroys_what_was_moved(lab, mine)
    a_bmc_names_its_host(lab)
    power_ends_guests(lab)
    a_panic_is_not_a_power_off(lab)
    only_management_leads_to_the_controller(lab)
    lab.run("servers", "delete")
    time.sleep(SETTLE_S)
    claim("servers deleted: no guest is left", not lab.oracle.running())
    lab.oracle.forget()
    print(f"{len(FAILED)} claims failed" if FAILED else "every claim held")
    return 1 if FAILED else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LabError, subprocess.SubprocessError) as e:
        sys.exit(f"FAILED  {e}")
