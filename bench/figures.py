"""figures.py [ROUNDS]: what Themis needs, beside what a bare script needs for the same evacuations, on one lab in one run.

A round is: 20 instances on one host, its power off, a plain script that fires the evacuations at Themis's parallelism; then
the same 20 and a kernel panic, and Themis. After the rounds one crash with the product's own periods. Both sides are
measured by the guest oracle: from the first evacuate request to the first tick of the last instance on its new host.
Resident memory is read at the end. Writes lab/out/bench.json. Exit status 1 when something could not be measured.
"""
import json
import statistics
import sys
import time

import cloud
from demo.labtool import Lab, LabError, until
from demo.player import OUT, PERIODS, play, summary
from demo.scenarios import ALL, VICTIM
from demo.stage import Stage
from demo.themis import Themis
from demo.timeline import Timeline

PARALLEL = 8  # [recovery] evacuations_parallel
MEMORY = {"themis-hostmonitor": ("h1-monitor", 15), "themis-api": ("themis-api", 40), "themis-engine (leader)": ("leader", 40)}


def bare(lab, timeline):
    """Seconds that the plain script needed for 20 instances."""
    stage = Stage(lab, Themis(lab), timeline)
    stage.set(VICTIM, ALL["observe"])
    mine = set(lab.oracle.running())
    lab.run("power", VICTIM, "off")
    until("the guests' end", lambda: not lab.oracle.running(), 20)
    first, posted = cloud.move_all(lab.cloud(), VICTIM, PARALLEL)
    until("every instance back", lambda: all(lab.oracle.came_up(u, VICTIM, first) for u in mine), 120)
    seconds = max(lab.oracle.came_up(u, VICTIM, first) for u in mine) - first
    timeline.plain(f"  bare script: {len(posted)} instances back {seconds:.1f} s after the first request")
    lab.run("power", VICTIM, "on")
    lab.run("return", VICTIM)
    return seconds


def themis(lab, timeline, kind):
    """The outcome of one host-crash; LabError when its promise did not hold, because then its times mean nothing."""
    lab.run("periods", kind)
    outcome = play(lab, timeline, ALL["host-crash"], PERIODS[kind])
    summary(timeline, outcome)
    if not outcome["passed"]:
        raise LabError("host-crash failed: " + "; ".join(c["what"] for c in outcome["checks"] if not c["ok"]))
    return outcome["phases_s"]


def resident(lab, name):
    """VmRSS of a daemon of the lab in MiB."""
    if name == "leader":
        name = Themis(lab).leader()
    pid = (lab.dir / "run" / (name + ".pid")).read_text().split()[0]
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def figures(bares, shorts, product, memory):
    """[(what, measured, at most or None, unit)]"""
    def median(name):
        return statistics.median(p[name] for p in shorts)
    proof_to_post = statistics.median(p["tell_nova"] + p["first_evacuate"] for p in shorts)
    evacuate = median("evacuate")
    rows = [("crash to Checking", median("detect"), 12, "s"),
            ("Failed to power-off proven", median("fence"), 3, "s"),
            ("proof to first evacuate call", proof_to_post, 1, "s"),
            ("20 instances back, bare script", statistics.median(bares), None, "s"),
            ("20 instances back, Themis", evacuate, None, "s"),
            ("Themis to bare script", evacuate / statistics.median(bares), 1.2, "times"),
            ("crash to last instance back, demo's periods", statistics.median(sum(p.values()) for p in shorts), None, "s"),
            ("crash to last instance back, product defaults", sum(product.values()), None, "s")]
    return rows + [(f"resident memory, {name}", memory[name], most, "MiB") for name, (_, most) in MEMORY.items()]


def main(rounds):
    lab, timeline = Lab(), Timeline()
    lab.run("periods", "short")
    bares, shorts = [], []
    for n in range(rounds):
        timeline.plain(f"\nround {n + 1} of {rounds}")
        bares.append(bare(lab, timeline))
        shorts.append(themis(lab, timeline, "short"))
    product = themis(lab, timeline, "product")
    memory = {name: resident(lab, daemon) for name, (daemon, _) in MEMORY.items()}
    lab.run("periods", "short")
    rows = figures(bares, shorts, product, memory)
    for what, measured, most, unit in rows:
        verdict = "" if most is None else ("within" if measured <= most else "MISSED") + f" {most}"
        timeline.plain(f"  {what:<48} {measured:8.2f} {unit:<6} {verdict}")
    OUT.mkdir(exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps({
        "schema": 1, "when": time.strftime("%FT%TZ", time.gmtime()), "bare_s": bares, "themis_phases_s": shorts,
        "product_phases_s": product, "figures": [dict(zip(("what", "measured", "at_most", "unit"), row)) for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    except (LabError, SystemExit) as e:
        sys.exit(f"not measured: {e}")
