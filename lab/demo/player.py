"""player.py [--product] SCENARIO...: plays scenarios one after another on a lab that is up. Run by `lab play`.

For each: sets the stage, shows the timeline, then a summary, then every check with its source; writes lab/out/demo.json
(and lab/out/SCENARIO.json). Exit status 0 only when every check of every scenario held. --product plays with the
product's confirm periods instead of the demo's shorter ones.
"""
import argparse
import datetime
import json
import sys
import time

from demo import notified, outsiders, phases  # notified, outsiders: register their scenarios
from demo.checks import requests
from demo.labtool import HERE, Lab, LabError
from demo.scenarios import ALL
from demo.stage import Stage
from demo.story import Story
from demo.themis import Themis
from demo.timeline import Timeline
from oracle.analyse import utc

PERIODS = {"short": {"confirm_period": 10, "confirm_period_silent": 5},
           "product": {"confirm_period": 60, "confirm_period_silent": 15}}
OUT = HERE / "out"


def play(lab, timeline, scenario, periods):
    """The result of one scenario, as it goes into demo.json."""
    themis = Themis(lab)
    stage = Stage(lab, themis, timeline)
    try:
        stage.set(scenario.victim, scenario)
    except LabError as e:  # before the fault nothing is proven either way; what a busy machine spoilt is undone and set anew
        stage.say(f"the stage could not be set ({e}); once more")
        stage.set(scenario.victim, scenario)
    story = Story(lab, themis, timeline, scenario.victim, periods)
    story.facts["stage"] = stage
    story.progress = "all_back" in {check.__name__ for check in scenario.checks}
    timeline.plain()
    story.watch.start()
    trouble = None
    try:
        scenario.play(story)
    except LabError as e:
        trouble = str(e)
        timeline.line("bad", "trouble", trouble)
    finally:
        story.watch.end()
    return result(story, scenario, trouble)


def result(story, scenario, trouble):
    """Checks made, times and phases read."""
    checks = story.claims + [look(check, story) for check in scenario.checks]
    if trouble:
        checks.insert(0, {"what": "the play came to its end", "source": "demo", "ok": False, "seen": trouble})
    t = times(story)
    oracle = story.lab.oracle
    running = oracle.running()
    return {
        "schema": 1, "scenario": scenario.name, "passed": all(c["ok"] for c in checks), "instances": len(story.all),
        "moved": len(story.mine - story.away()), "lost": sum(1 for u in story.all if not running.get(u)),
        "running_twice": len({o.uuid for o in oracle.twice(story.began_mono)}),
        **{field: phases.stamp(t[field]) for field in phases.FIELDS}, "phases_s": phases.seconds(t), "checks": checks}


def look(check, story):
    """One check, as a dict; a source that cannot be read is a check that failed."""
    try:
        made = check(story)
        return {"what": made.what, "source": made.source, "ok": bool(made.ok), "seen": made.seen}
    except (LabError, SystemExit, OSError, ValueError, KeyError, IndexError) as e:
        return {"what": check.__name__, "source": "could not be looked up", "ok": False, "seen": f"{type(e).__name__}: {e}"}


def times(story):
    """The t_ fields: from the stored events of the victim's incident, the oracle, and for the first request Nova's door."""
    if story.t_fault is None:
        return dict.fromkeys(phases.FIELDS)
    incidents = {i["uuid"] for i in story.themis.incidents(story.began) if i["host_name"] == story.victim}
    events = [e for e in story.themis.events(story.began) if e["incident_uuid"] in incidents]
    ups = [story.lab.oracle.came_up(u, story.victim, story.mono_fault) for u in story.mine]
    last = utc(max(ups)) if ups and None not in ups else None
    found = phases.times(events, story.t_fault, last)
    posted = requests(story)
    if posted:
        found["t_first_evacuate"] = datetime.datetime.fromtimestamp(posted[0][0], datetime.timezone.utc)
    return found


def summary(timeline, outcome):
    """What a person reads at the end."""
    say = timeline.plain
    say()
    say(f"  {outcome['instances']} instances: {outcome['moved']} moved, {outcome['lost']} lost, {outcome['running_twice']} ran twice")
    known = {n: s for n, s in outcome["phases_s"].items() if s is not None}
    scale = 60 / max(sum(known.values()), 1)
    for name, seconds in known.items():
        say(f"  {name.replace('_', ' '):<15} {seconds:6.1f} s  {timeline.paint('seen', '▇' * max(1, round(seconds * scale)))}")
    if len(known) == len(outcome["phases_s"]):
        say(f"  {'fault to last':<15} {sum(known.values()):6.1f} s")
    say()
    shown = [c for c in outcome["checks"] if not (c["ok"] and c["source"].startswith("clients."))]
    for check in shown:
        mark = timeline.paint("ok", "✓") if check["ok"] else timeline.paint("bad", "✗")
        say(f"  {mark} {check['what']}: {check['seen']}  {timeline.paint('note', '(' + check['source'] + ')')}")
    if len(shown) < len(outcome["checks"]):
        say(f"  {timeline.paint('ok', '✓')} {len(outcome['checks']) - len(shown)} claims of the clients hold, each in lab/out/{outcome['scenario']}.json")
    say()


def write(outcome):
    """lab/out/demo.json, and the same under the scenario's name."""
    OUT.mkdir(exist_ok=True)
    text = json.dumps(outcome, indent=2, ensure_ascii=False) + "\n"
    for name in ("demo", outcome["scenario"]):
        (OUT / f"{name}.json").write_text(text)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="lab play", description=__doc__.partition("\n")[2],
                                     epilog="scenarios: " + " ".join(ALL))
    parser.add_argument("scenario", nargs="*", default=["host-crash"], help="what to play (host-crash); 'all': every one; 'help': say which")
    parser.add_argument("--product", action="store_true", help="the product's confirm periods")
    parser.add_argument("--list", action="store_true", help="say what can be played")
    options = parser.parse_args()
    if options.scenario == ["help"]:
        options.list, options.scenario = True, []
    if options.scenario == ["all"]:
        options.scenario = list(ALL)
    for unknown in set(options.scenario) - set(ALL):
        parser.error(f"no scenario '{unknown}'; there are: {' '.join(ALL)}")
    return options


def main():
    """Exit status."""
    options = arguments()
    if options.list:
        print("\n".join(f"{s.name:15} {s.intent}" for s in ALL.values()))
        return 0
    lab, timeline, outcomes = Lab(), Timeline(), {}
    kind = "product" if options.product else "short"
    lab.run("periods", kind)
    for name in options.scenario:
        scenario, began = ALL[name], time.monotonic()
        timeline.plain(f"\n{timeline.paint('state', name)}: {scenario.intent}")
        try:
            outcome = play(lab, timeline, scenario, PERIODS[kind])
        except LabError as e:
            outcome = {"schema": 1, "scenario": name, "passed": False, "instances": 0, "moved": 0, "lost": 0, "running_twice": 0,
                       **dict.fromkeys(phases.FIELDS), "phases_s": dict.fromkeys(phases.PHASES),
                       "checks": [{"what": "the stage was set", "source": "demo", "ok": False, "seen": str(e)}]}
        summary(timeline, outcome)
        write(outcome)
        outcomes[name] = outcome["passed"]
        verdict = timeline.paint("ok", "passed") if outcome["passed"] else timeline.paint("bad", "FAILED")
        timeline.plain(f"  {name} {verdict} in {time.monotonic() - began:.0f} s")
    passed = sum(outcomes.values())
    failed = [name for name, ok in outcomes.items() if not ok]
    timeline.plain(f"\nscenarios: {passed} passed, {len(failed)} failed" + (f" ({', '.join(failed)})" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit(str(e))
