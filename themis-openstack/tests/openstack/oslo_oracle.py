"""Answers, for each case on a line of standard input, what oslo.policy makes of it: whether it could read every rule,
and whether it allows, denies or raises."""

import json
import sys

from oslo_config import cfg
from oslo_policy import _checks, _parser, policy


@policy.register("is_admin")
class IsAdmin(policy.Check):
    """As Masakari registers it: a boolean of the credentials."""

    def __init__(self, kind, match):
        super().__init__(kind, match)
        self.wanted = match.lower() == "true"

    def __call__(self, target, creds, enforcer):
        return creds["is_admin"] == self.wanted


class Unread(Exception):
    """A rule that oslo could not read; it would log this and deny."""


def unread(*words):
    raise Unread(words)


def readable(text):
    logged = _parser.LOG.exception
    _parser.LOG.exception = unread
    try:
        # A rule of the one word "not" is taken for a check and fails when it is called.
        return isinstance(_parser.parse_rule(text), _checks.BaseCheck)
    except Unread:
        return False
    finally:
        _parser.LOG.exception = logged


_checks.get_extensions()
_parser.LOG.disabled = True
conf = cfg.ConfigOpts()
conf([])
for line in sys.stdin:
    case = json.loads(line)
    faults = [name for name, text in case["rules"].items() if not readable(text)]
    enforcer = policy.Enforcer(conf, use_conf=False)
    enforcer.set_rules(policy.Rules.from_dict(case["rules"], default_rule="default"), use_conf=False)
    try:
        answer = "allow" if enforcer.enforce("subject", case["target"], case["creds"]) else "deny"
    except Exception as error:
        answer = "raise " + type(error).__name__
    print(json.dumps({"answer": answer, "faults": faults}), flush=False)
