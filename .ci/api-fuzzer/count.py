"""count.py FILE: how many requests a run of schemathesis sent and how they were answered, from its ndjson report."""
import collections
import json
import sys

statuses = collections.Counter()
with open(sys.argv[1]) as report:
    for line in report:
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for interaction in recorder.get("interactions", {}).values():
            answer = interaction.get("response")
            statuses[str(answer["status_code"]) if answer else "none"] += 1
print(sum(statuses.values()), "requests:", ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
