"""Compares the answers of one Masakari with Themis's: equal, or made equal by the differences that are meant, or a finding."""
import dataclasses

from .differences import DIFFERENCES


@dataclasses.dataclass
class Comparison:
    """What came out for one release."""
    release: str
    same: int = 0
    seen: dict = dataclasses.field(default_factory=dict)  # a difference's place in the papers -> how many answers it explains
    findings: list = dataclasses.field(default_factory=list)


def compare(release, steps, masakari, themis):
    """Every step that was a request."""
    comparison = Comparison(release)
    for step, theirs, ours in zip(steps, masakari, themis, strict=True):
        if theirs is None:
            continue
        expected, used = theirs, []
        for difference in DIFFERENCES:
            if expected == ours:
                break
            if release in difference.releases:
                rewritten = difference.rewrite(step, expected, ours)
                if rewritten != expected:
                    expected = rewritten
                    used.append(difference.where)
        if expected != ours:
            comparison.findings.append((step, theirs, ours))
        elif used:
            for where in used:
                comparison.seen[where] = comparison.seen.get(where, 0) + 1
        else:
            comparison.same += 1
    return comparison


def told(step, theirs, ours):
    """A finding for a person: only what differs."""
    lines = [step.name]
    if theirs["status"] != ours["status"]:
        lines.append(f"  status: {theirs['status']}, Themis {ours['status']}")
    for name in sorted({*theirs["headers"], *ours["headers"]}):
        pair = theirs["headers"].get(name), ours["headers"].get(name)
        if pair[0] != pair[1]:
            lines.append(f"  {name}: {pair[0]!r}, Themis {pair[1]!r}")
    if theirs["body"] != ours["body"]:
        at = next((i for i, (a, b) in enumerate(zip(theirs["body"], ours["body"])) if a != b), min(len(theirs["body"]),
                                                            len(ours["body"])))
        begin = max(0, at - 120)
        lines += [f"  body, from character {begin}:", f"    Masakari {theirs['body'][begin:begin + 300]!r}",
                  f"    Themis   {ours['body'][begin:begin + 300]!r}"]
    return "\n".join(lines)
