"""phases.py: from the engine's stored events to the times and phases of demo.json. The one place that knows the kinds.

Phases follow one another, so they add up: detect (fault to Checking), confirm (to Failed), fence (to the proof of power
off), tell_nova (to force-down done), first_evacuate (to the first evacuate request), evacuate (until the last instance
ticks on its new host, which the oracle says). Proof to first evacuate call is tell_nova plus first_evacuate.
"""

# field of demo.json -> kind of event; for state changes the state that is entered
STATE_TIMES = {"t_checking": "checking", "t_failed": "failed"}
EVENT_TIMES = {"t_first_observation": "observed", "t_fence_started": "fence_command",
               "t_power_off_proven": "power_off_proven", "t_nova_told": "nova_told", "t_first_evacuate": "evacuate_sent"}
FIELDS = ("t_fault", "t_first_observation", "t_checking", "t_failed", "t_fence_started", "t_power_off_proven",
          "t_nova_told", "t_first_evacuate", "t_last_active")
PHASES = {"detect": ("t_fault", "t_checking"), "confirm": ("t_checking", "t_failed"),
          "fence": ("t_failed", "t_power_off_proven"), "tell_nova": ("t_power_off_proven", "t_nova_told"),
          "first_evacuate": ("t_nova_told", "t_first_evacuate"), "evacuate": ("t_first_evacuate", "t_last_active")}


def entered(event):
    """The state that this event enters; None for other kinds."""
    return (event["reason"].get("data") or {}).get("to") if event["kind"] == "state" else None


def times(events, t_fault, t_last_active):
    """Every t_ field as datetime or None; `events` are those of the victim's incident, oldest first.

    A host may be checked, cleared and checked again; the attempt that counts is the last one before it failed.
    """
    found = dict.fromkeys(FIELDS)
    found.update(t_fault=t_fault, t_last_active=t_last_active)
    for event in events:
        for field, state in STATE_TIMES.items():
            if entered(event) == state and (found[field] is None or found["t_failed"] is None):
                found[field] = event["at"]
        for field, kind in EVENT_TIMES.items():
            if event["kind"] == kind and found[field] is None:
                found[field] = event["at"]
    return found


def seconds(found):
    """{phase: seconds, or None when one of its ends did not happen}."""
    return {name: round((found[b] - found[a]).total_seconds(), 3) if found[a] and found[b] else None
            for name, (a, b) in PHASES.items()}


def stamp(moment):
    """RFC 3339, UTC, six digits, Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None
