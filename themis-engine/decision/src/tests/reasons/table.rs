//! Every code and every kind of event with its sentence. The tests beside it hold it to the sources and print it.

/// Code and meaning, in the order of a host's story.
pub(super) const REASONS: &[(&str, &[(&str, &str)])] = &[
    (
        "Verdicts on a network",
        &[
            (
                "seen_alive",
                "More than half of those who may judge see the host alive on the network.",
            ),
            (
                "accused",
                "A quorum accuses the host on the network, not yet for long enough (as an event: the first accusation).",
            ),
            ("divided", "Those who may judge are divided about the host."),
            (
                "no_majority",
                "Too few observers may judge: not more than half of the members other than the host.",
            ),
            (
                "host_lists_differ",
                "Too few are known to have the host in their host list: it must be named in the peers of every monitor.",
            ),
            (
                "not_probed",
                "Accused for long enough; too few observers have answered a probe yet.",
            ),
            (
                "probe_answered",
                "Accused, but the host answers a probe on the network.",
            ),
            (
                "own_proof_of_life",
                "Accused, and probes are not answered, but the host itself had an answer from a peer on the network within the last seconds.",
            ),
            (
                "agent",
                "The host answers, and its own monitor says that its serf agent on the network is down: blind is not bad.",
            ),
            (
                "agent_fault",
                "The host answers over the network; its serf agent does not.",
            ),
            (
                "hung",
                "Its kernel answers probes; its agents, its monitor and its nova-compute do not.",
            ),
            (
                "accused_and_unreachable",
                "Accused by a quorum and a majority for long enough, and no probe was answered.",
            ),
            (
                "network_out",
                "The network fails for more than the configured share of hosts: the network is out, not the hosts.",
            ),
            ("given", "A verdict set by hand for a printed table; never stored."),
        ],
    ),
    (
        "Signs of life",
        &[
            ("life_on_network", "Others see the host alive on a network."),
            ("life_report", "Its own monitor reports."),
            ("life_nova", "Its nova-compute reports to Nova."),
        ],
    ),
    (
        "States and what leads to them",
        &[
            ("registered", "Registered; waits to be seen good by a majority."),
            (
                "initializing",
                "Waits to be seen good on all critical networks; the text names what is missing.",
            ),
            ("initializing_for_long", "The same for more than ten minutes."),
            (
                "seen_good",
                "Seen good on all critical networks throughout the initializing period.",
            ),
            (
                "suspected",
                "Accused for long enough, or claimed: Themis looks for itself.",
            ),
            (
                "power_reads_off",
                "Its own power device reads off and somebody misses it: Themis looks for itself.",
            ),
            (
                "cleared",
                "Good again throughout the clear period; nothing was touched.",
            ),
            (
                "rebooted",
                "Good again, with another boot id: its instances may be down, although Nova holds them active.",
            ),
            (
                "critical_network_bad",
                "Bad on a critical network throughout the confirm period.",
            ),
            (
                "silent",
                "Bad on all networks and silent to probes and questions throughout the shorter confirm period.",
            ),
            (
                "power_is_off",
                "Its own power device read off throughout `off_hold` and nobody sees it alive.",
            ),
            ("evidence_recovered", "The evidence no longer demands a fence."),
            (
                "armed",
                "Armed while a failure was only observed: it is confirmed anew.",
            ),
            ("no_brake", "Confirmed and nothing holds it back: it is powered off."),
            (
                "retried",
                "An operator asks to try again; the text says what that lets through.",
            ),
            ("confirmed_dead", "A named operator vouches for its death."),
            (
                "fence_withdrawn",
                "Reads on after the last command's deadline and is good and reporting again; nothing was done elsewhere.",
            ),
            ("proven_off", "Off is proven; the text says how."),
            (
                "nova_told",
                "Nova holds the host down and disabled: its instances may be moved.",
            ),
            (
                "recovered_as_auto",
                "The segment's recovery method wants a reserved host; Nova's scheduler chooses all the same, and no reserved \
                 host is enabled (a warning of the preflight, and an event of a recovery).",
            ),
            ("evacuated", "All its instances are back elsewhere."),
            (
                "partly_evacuated",
                "Recovery ended; the data name the instances that were not moved, with reasons.",
            ),
            ("power_came_back", "The proof is void: its power reads on again."),
            ("monitor_came_back", "The proof is void: its own monitor reports again."),
            (
                "nova_compute_came_back",
                "The proof is void: its nova-compute reports to Nova again.",
            ),
            ("vouch_void", "An operator vouched for its death, and it shows life."),
            ("enabled", "Returned or enabled by an operator."),
            ("disabled", "Taken out by an operator."),
            ("returned", "Good throughout the return period."),
        ],
    ),
    (
        "Notes while a fault is checked",
        &[
            (
                "tolerated",
                "Bad on tolerated networks only: its instances go on, it is not fenced for that.",
            ),
            (
                "confirming_silent",
                "Silent everywhere; to be confirmed for the shorter period.",
            ),
            (
                "confirming_critical_network_bad",
                "Bad on a critical network; to be confirmed.",
            ),
            ("released", "A hold ended; the text names it."),
        ],
    ),
    (
        "Brakes and other holds",
        &[
            (
                "observe_mode",
                "Themis observes: it says what it would do, or stops where it stands. `themis arm` lets it act.",
            ),
            ("segment_disabled", "HA for the segment is switched off."),
            (
                "own_host",
                "The engine runs on this host; an engine on another host must fence it.",
            ),
            ("other_manager", "Somebody else forced the host down in Nova."),
            (
                "site_outage",
                "More than half of all hosts read off: a site outage or a cold start.",
            ),
            (
                "mass_failure",
                "Many hosts failed within a short time: more likely one cause than so many.",
            ),
            (
                "collateral",
                "Another host lost its power right after a power-off of ours: no more are sent.",
            ),
            ("too_many_in_recovery", "As many hosts are in recovery as may be."),
            (
                "no_power_device",
                "No power device is registered: there is neither a power-off nor a proof.",
            ),
            (
                "power_device_unbound",
                "A power device is not proven to be the host's own.",
            ),
            (
                "power_returned",
                "Its power came back twice: something else switches it on.",
            ),
            (
                "proof_stale",
                "Its power cannot be read while its instances are moved: nothing more is posted.",
            ),
            ("nova_not_told", "Nova does not take it that the host is down."),
            ("nova_not_listed", "Nova does not list the host's instances."),
            (
                "destination_came_back",
                "A destination that died is no longer proven off: the instance waits until it is again, until its nova-compute is back in service, or until it is confirmed dead.",
            ),
            (
                "evacuations_in_doubt",
                "Evacuations had no answer: nothing is repeated until Nova shows what came of them, or nothing did within the horizon.",
            ),
            (
                "waits_for_another_host",
                "An instance may run on a host whose own fate is not decided; the hold names it.",
            ),
        ],
    ),
    (
        "Fencing",
        &[
            ("power_off", "Power-off was sent to the host's devices."),
            (
                "read_off",
                "Its power devices were read off twice after the accepted command.",
            ),
            ("operator", "Proven by an operator's word."),
            (
                "fence_refused",
                "The power device refuses the command or the credentials.",
            ),
            ("fence_still_on", "The power device takes the command and reads on."),
            (
                "fence_unreachable",
                "The power device does not answer: a dead device is not a dead host.",
            ),
        ],
    ),
    (
        "Instances",
        &[
            (
                "evacuation_failed",
                "Nova could not evacuate the instance: no valid host, or the destination failed.",
            ),
            (
                "evacuation_lost",
                "The request had no answer and no effect within the horizon.",
            ),
            (
                "evacuated_reads_on",
                "An evacuated host was switched on: it is looked after again when an operator enables it.",
            ),
            (
                "evacuation_slow",
                "The instance has been on its way for long; it is never posted again because of that.",
            ),
            (
                "destination_died",
                "Its destination died while receiving it and is proven off.",
            ),
            (
                "local_disk",
                "Its root disk is on the dead host: evacuation would rebuild it empty.",
            ),
            (
                "may_run_elsewhere",
                "An unfinished migration may have started it on a host that is not proven off.",
            ),
            ("nothing_to_move", "It runs nowhere."),
            ("failed", "A step failed and its row names no reason."),
        ],
    ),
    (
        "Notifications about instances and processes",
        &[
            ("event_not_acted_on", "Masakari's table has no recovery for the event."),
            ("payload_unreadable", "The payload lacks what its type needs."),
            ("process_started", "A process came up: nothing is to be done."),
            (
                "instance_not_ha",
                "Its owner did not mark the instance, and only marked ones are to be recovered.",
            ),
            ("instance_in_error", "It was in error, and those are to be left."),
            (
                "instance_paused",
                "The instance is paused or rescued: somebody is at work on it.",
            ),
            ("instance_gone", "Nova no longer has the instance."),
            ("instance_without_host", "The instance is on no host."),
            (
                "instance_elsewhere",
                "The instance is not on the host that reported it.",
            ),
            ("instance_busy", "Nova is at work on the instance."),
            (
                "turn_awaited",
                "Nothing holds the recovery back any more; others are before it.",
            ),
            (
                "life_asked",
                "The host's monitor does not answer when asked for a sign of life: nothing is sent to that host.",
            ),
            (
                "decision_old",
                "Nova was slow to show the instance: what was decided before is not sent any more, but decided anew.",
            ),
            (
                "start_left_behind",
                "The instance was moved before a start took effect: that start may still lie in the queue of the old host's nova-compute.",
            ),
            (
                "instance_changed",
                "The instance changed between a look and the request: the next look decides.",
            ),
            (
                "instance_not_stopped",
                "The instance left the state in which it was to be started.",
            ),
            (
                "instance_overdue",
                "The instance did not stop, or was not active, within its time.",
            ),
            ("instance_recovered", "The instance is active again."),
            (
                "recovered_meanwhile",
                "Another notification's recovery brought the instance back.",
            ),
            (
                "instance_being_evacuated",
                "A host's recovery is bringing the instance back.",
            ),
            (
                "host_in_doubt",
                "The host is being checked or fenced: nothing is started there before its fate is known.",
            ),
            (
                "host_in_recovery",
                "The host's own recovery has its instances and its service.",
            ),
            ("host_disabled", "The host is not looked after, on an operator's word."),
            (
                "nova_compute_down",
                "Nova holds the host's nova-compute down: a start would lie in its queue until it returns.",
            ),
            ("nova_compute_unknown", "Whether nova-compute is up is not known."),
            ("nova_silent", "Nova does not show the instance."),
            ("request_lost", "A request had no answer and no effect."),
            (
                "process_noted",
                "The host is on maintenance for a process; nothing else is done.",
            ),
            ("service_disabled", "Nova's service is disabled, as was wanted."),
            (
                "service_overdue",
                "Nova did not show the service disabled within its time.",
            ),
        ],
    ),
    (
        "Answers of Nova and executors",
        &[
            (
                "nova_unavailable",
                "Nova could not be asked; it had no effect. As a hold: instances wait, and none is given up for that.",
            ),
            (
                "nova_forbidden",
                "Nova forbids a request (403): as long as it takes none, a role is missing; beside others that it takes, \
                 the instance is such that Nova does not move it.",
            ),
            ("nova_refused", "Nova refused; trying again will not help."),
            ("nova_partial", "Nova shows only a part: is a cell down?"),
            ("unknown_to_nova", "Nova has no nova-compute on the host."),
            ("answer_lost", "A request's answer was lost: only a look decides."),
            ("not_leading", "The lease ended before the request was sent."),
            ("proof_old", "The proof grew old before the request was sent."),
            ("misrouted", "An effect came to the wrong executor; a defect."),
            ("claimed", "A monitor's notification says that the host stopped."),
            ("resumed", "A new leader goes on from the log; it looks before it acts."),
            (
                "listed",
                "Instances of the host were listed; the text says how many are new.",
            ),
            ("evacuate_sent", "Nova accepted an evacuation."),
            (
                "instance_back",
                "An instance is back elsewhere, or was deleted meanwhile.",
            ),
            (
                "instance_failed",
                "An instance's evacuation failed; the text says whether it is tried again.",
            ),
            ("bad_request", "A stored request cannot be read."),
        ],
    ),
    (
        "Protection and power devices",
        &[
            ("not_active", "The host is in a state from which it is not fenced."),
            ("power_unknown", "The power device was not read yet, or not lately."),
            ("power_device_unreachable", "The power device does not answer."),
            (
                "power_device_refused",
                "The power device refuses the credentials or the command.",
            ),
            (
                "wrong_power_device",
                "The device reads off while the host's own monitor reports: it belongs to another machine.",
            ),
            (
                "power_device_of_another_machine",
                "The device's System GUID is not the host's system UUID.",
            ),
            ("no_hosts", "No host is registered."),
            (
                "settling",
                "The leader has not heard the monitors for long enough to judge.",
            ),
            (
                "too_few_monitors",
                "Fewer monitors are heard than are wanted to judge a host.",
            ),
        ],
    ),
    (
        "Observers whose word counts for nothing",
        &[
            (
                "observer_stale",
                "Its newest report is older than two report intervals.",
            ),
            ("observer_shutting_down", "Its host is being shut down in order."),
            (
                "observer_not_registered",
                "It is neither a registered host nor a witness.",
            ),
            ("observer_not_attached", "It reports nothing of the network."),
            ("observer_without_carrier", "Its own interface has no carrier."),
            (
                "observer_off",
                "Its host is known to be off: what it said was said before.",
            ),
            ("observer_agent_down", "Its own serf agent on the network does not run."),
            (
                "observer_in_minority",
                "It sees no majority of the members: it may be the one that is cut off.",
            ),
            ("observer_unhealthy", "Serf's health score of its agent is 4 or worse."),
        ],
    ),
    (
        "Answers to requests",
        &[
            ("done", "The request was done; the text says what follows."),
            ("unknown_host", "The host is no longer registered."),
            ("unknown_segment", "The segment is not registered."),
            ("on_maintenance", "The maintenance flag must be cleared first."),
            ("in_recovery", "The host's recovery must end first."),
            ("not_failed", "Only a host that failed can be confirmed dead."),
            ("shows_life", "The host shows life: it cannot be confirmed dead."),
            (
                "reads_on",
                "The power device reads on: the host cannot be confirmed dead.",
            ),
            ("nothing_to_retry", "Nothing is held in the host's state."),
            (
                "unbound_power_devices",
                "Hosts without a bound power device must be named to be left unprotected.",
            ),
        ],
    ),
];

/// Kinds of events in an incident's story.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("claim", "A third party's notification that opened the incident."),
    ("observed", "The first accusation, at the time it was heard."),
    ("state", "The host went to another state; the data name both."),
    ("tolerated", "A fault that is borne."),
    ("unclear", "Too little is known to decide."),
    ("confirming", "A fence is demanded and being confirmed."),
    ("would_fence", "What would be done now if Themis were armed."),
    (
        "hold",
        "Something holds the host back; the text names what would release it.",
    ),
    ("hold_released", "It no longer does."),
    ("fence_command", "Power-off was sent."),
    ("power_off_proven", "Off is proven, and how."),
    ("proof_void", "The proof counts no more."),
    ("nova_told", "Nova holds the host down and disabled."),
    (
        "recovery_method",
        "The host is recovered by another method than its segment's.",
    ),
    ("alarm", "Somebody should look."),
    ("resumed", "A new leader goes on."),
    ("listed", "Instances of the host were listed."),
    ("evacuate_sent", "Nova accepted an evacuation."),
    ("instance_back", "An instance is back."),
    ("instance_failed", "An instance's evacuation failed."),
    ("step_failed", "A request to Nova failed."),
    ("indeterminate", "A request's answer was lost."),
    ("request", "What an operator asked for."),
    ("closed", "The incident's end, in a sentence."),
];
