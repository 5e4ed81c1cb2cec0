"""scenarios.py: the failures that can be played: what is done to the lab, what ends the play, what was promised.

Each is one sentence of intent, a function that injects the fault and waits for the end, and the checks of the promise.
"""
import collections
import time

from demo import checks as c
from demo.labtool import until

# layout: where the instances are before the fault: "victim", all on it; "spread", evenly over the hosts;
# "most", 14 on the victim and the others spread over the other hosts; a number, so many on the victim and no others
Scenario = collections.namedtuple("Scenario", "name intent play checks layout armed victim")
VICTIM = "compute-2"  # its BMC shows its GUID in the mixed byte order, the harder one
ALL = {}
BACK_S = 180  # until every instance is back, confirm period not counted

RECOVERED = [c.never_twice, c.all_back, c.off_before_start, c.nova_moved, c.nova_told, c.only_the_victim_fenced,
             c.incident_closed, c.vmoves_recorded]
FENCED = [*RECOVERED, c.fenced, c.one_evacuation_each, c.posted_once]
LEFT_ALONE = [c.never_twice, c.undisturbed, c.nobody_fenced, c.nova_untouched]


def scenario(name, intent, checks, layout="victim", armed=True, victim=VICTIM):
    """Registers the function that plays it."""
    def register(play):
        ALL[name] = Scenario(name, intent, play, checks, layout, armed, victim)
        return play
    return register


def longest(story):
    """Until a fault of a host that lives elsewhere is confirmed, detection included."""
    return 30 + story.periods["confirm_period"]


# ---- fenced, and brought back

@scenario("host-crash", "A kernel panic takes the host: it is proven off, then its instances come back elsewhere.", FENCED)
def host_crash(story):
    story.fault(f"{story.victim}: kernel panic; every process and guest is dead, the ports are down, the BMC reads on")
    story.lab.run("kill", story.victim)
    story.wait_back(longest(story) + BACK_S)


@scenario("power-loss", "A host loses its power: its own BMC proves it, and nobody waits for the confirm period.",
          [*RECOVERED, c.one_evacuation_each, c.posted_once, c.reason_recorded("power_is_off")])
def power_loss(story):
    story.fault(f"{story.victim}: power gone")
    story.lab.run("power", story.victim, "off")
    story.wait_back(longest(story) + BACK_S)


@scenario("hang", "Everything on the host stops answering while its guests write on: it is fenced before anything moves.",
          [*FENCED, c.guests_went_on])
def hang(story):
    story.fault(f"{story.victim}: everything hangs; the guests write on")
    story.lab.run("hang", story.victim)
    story.wait_back(longest(story) + BACK_S)


@scenario("zombie", "nova-compute, monitor and agents are dead while the guests write on: fenced before anything moves.",
          [*FENCED, c.guests_went_on])
def zombie(story):
    story.fault(f"{story.victim}: nova-compute, monitor and agents are dead; the guests write on")
    story.lab.run("zombie", story.victim)
    story.wait_back(longest(story) + BACK_S)


def network_cut(network):
    """Plays the loss of one critical network."""
    def play(story):
        story.fault(f"{story.victim}: the {network} network is cut")
        story.lab.run("cut", story.victim, network)
        story.wait_back(longest(story) + BACK_S)
    return play


for _network in ("storage", "tenant"):
    scenario(f"{_network}-cut", f"A host loses its {_network} network: it is fenced and its instances come back elsewhere.",
             [*FENCED, c.guests_went_on])(network_cut(_network))


# ---- left alone, and told why

@scenario("management-cut", "A host loses management only: its instances are well, so it is tolerated, and Themis says why.",
          [*LEFT_ALONE, c.reason_recorded("tolerated")])
def management_cut(story):
    story.fault(f"{story.victim}: the management network is cut")
    story.lab.run("cut", story.victim, "management")
    story.look_on(longest(story))


@scenario("blip", "A network is away for four seconds: nothing happens.", LEFT_ALONE)
def blip(story):
    story.fault(f"{story.victim}: the storage network is away for 4 s")
    story.lab.run("cut", story.victim, "storage")
    time.sleep(4)
    story.lab.run("heal", story.victim, "storage")
    story.say("the storage network is back")
    story.look_on(longest(story))


@scenario("agents-dead", "All serf agents of a healthy host die: that is no dead host, and nobody is fenced.",
          [*LEFT_ALONE, c.reason_recorded("agent")])
def agents_dead(story):
    story.fault(f"{story.victim}: its serf agents die and cannot be started again")
    story.lab.run("agents", story.victim, "dead")
    story.look_on(longest(story))


@scenario("storage-outage", "The storage network fails for everybody: the network is out, not the hosts; nobody is fenced.",
          [*LEFT_ALONE, c.others_undisturbed, c.reason_recorded("network_out")], layout="spread")
def storage_outage(story):
    story.fault("every host: the storage network is out")
    story.lab.run("cut", "all", "storage")
    story.look_on(longest(story))


@scenario("observe", "The same crash while Themis only observes: it says what it would have done and touches nothing.",
          [c.never_twice, c.nothing_started, c.nobody_fenced, c.nova_untouched, c.reason_recorded("observe_mode")], armed=False)
def observe(story):
    story.fault(f"{story.victim}: kernel panic, in observe mode")
    story.lab.run("kill", story.victim)
    story.wait_kind("would_fence", longest(story))
    story.look_on(15)


# ---- held

@scenario("wrong-bmc", "The power record points to another machine, which is off: its word proves nothing, nothing is evacuated.",
          [c.never_twice, c.nothing_started, c.not_evacuated, c.nobody_fenced,
           c.reason_recorded("power_device_unbound", "power_device_of_another_machine", "wrong_power_device")])
def wrong_bmc(story):
    story.facts["stage"].point_power_device(story.victim, "spare")
    story.say(f"the power record of {story.victim} now names the BMC of a spare machine that is off")
    story.fault(f"{story.victim}: kernel panic")
    story.lab.run("kill", story.victim)
    story.look_on(longest(story) + 15)


@scenario("dead-bmc", "Host and BMC are silent: a dead BMC is no dead host, so it is held until a named operator vouches.",
          [c.never_twice, c.all_back, c.nova_moved, c.nova_told, c.only_the_victim_fenced, c.one_evacuation_each,
           c.held_until_vouched, c.incident_closed, c.vmoves_recorded, c.reason_recorded("fence_unreachable"),
           c.reason_recorded("confirmed_dead")])
def dead_bmc(story):
    story.lab.run("fault", story.victim, "drop")
    story.fault(f"{story.victim}: kernel panic, and its BMC drops every packet")
    story.lab.run("kill", story.victim)
    story.wait_kind("alarm", longest(story) + 90)
    story.look_on(5)
    story.facts["vouched"] = time.time()
    story.say(f"themis host confirm-dead {story.victim}")
    story.themis.cli("host", "confirm-dead", story.victim, "--reason", "seen with my own eyes: no light on it", "--yes")
    story.wait_back(BACK_S)


# ---- worse

@scenario("power-back", "Power returns during the evacuation: nothing more is posted, the host is fenced again, and it ends well.",
          [c.never_twice, c.all_back, c.nova_moved, c.fenced_again, c.only_the_victim_fenced, c.one_evacuation_each,
           c.posted_once, c.incident_closed, c.reason_recorded("power_came_back", "monitor_came_back", "nova_compute_came_back")])
def power_back(story):
    story.fault(f"{story.victim}: kernel panic")
    story.lab.run("kill", story.victim)
    story.wait_kind("evacuate_sent", longest(story) + 60)
    story.facts["power_on"] = time.time()
    story.say(f"somebody switches {story.victim} on again")
    story.lab.run("power", story.victim, "on")
    story.wait_back(longest(story) + BACK_S)


@scenario("dest-hangs", "A destination stops while it receives: no second evacuation until it is proven off.",
          [c.never_twice, c.everything_runs, c.destination_off_before_retry, c.incident_closed], layout="most")
def dest_hangs(story):
    story.fault(f"{story.victim}: kernel panic")
    story.lab.run("kill", story.victim)
    story.wait_kind("nova_told", longest(story) + 60)
    story.facts["dest"] = dest = until("a destination that Nova chose", lambda: c.receiving(story), 60, 0.05)
    story.lab.run("hang", dest)
    story.facts["dest_hung"] = time.time()
    story.say(f"{dest} hangs while it receives instances; its guests write on")
    until(f"every instance of {story.victim} and of {dest} on a host that lives",
          lambda: not c.stranded(story, {story.victim, dest}), 2 * longest(story) + 2 * BACK_S)
    until("the incidents' end in the database", story.ended, 120)


@scenario("engine-crash", "The leader dies right after an evacuate request reached Nova: the standby finishes, nothing is posted twice.",
          [*FENCED, c.leader_changed])
def engine_crash(story):
    story.facts["leader"] = story.themis.leader()
    story.lab.run("gate", "crash-leader")
    story.fault(f"{story.victim}: kernel panic; the leader {story.facts['leader']} will die after its first evacuate request")
    story.lab.run("kill", story.victim)
    until("the leader's death", lambda: any("killed" in line for line in story.lab.log("nova-gate")[story.facts["gate"]:]),
          longest(story) + 60)
    story.say(f"{story.facts['leader']} was killed after Nova took its first evacuate request, before it heard of it")
    story.wait_back(longest(story) + BACK_S + 180)
