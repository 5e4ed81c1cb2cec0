"""How stored events become times and phases."""
import datetime
import unittest

from demo import phases

ZERO = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def at(seconds):
    return ZERO + datetime.timedelta(seconds=seconds)


def event(seconds, kind, to=None):
    return {"at": at(seconds), "kind": kind, "reason": {"code": "x", "text": "", "data": to and {"from": "y", "to": to}}}


class PhasesTest(unittest.TestCase):
    def test_phases_add_up_to_the_whole(self):
        events = [event(6, "observed"), event(7, "state", "checking"), event(12, "state", "failed"), event(12.5, "fence_command"),
                  event(14, "power_off_proven"), event(14.5, "nova_told"), event(15, "evacuate_sent"), event(15.1, "evacuate_sent")]
        found = phases.times(events, ZERO, at(23))
        self.assertEqual(phases.seconds(found), {"detect": 7, "confirm": 5, "fence": 2, "tell_nova": 0.5, "first_evacuate": 0.5,
                                                 "evacuate": 8})
        self.assertEqual(phases.stamp(found["t_first_evacuate"]), "2030-01-01T00:00:15.000000Z")

    def test_the_check_before_the_failure_counts_not_one_after_it(self):
        events = [event(7, "state", "checking"), event(9, "state", "active"), event(20, "state", "checking"),
                  event(25, "state", "failed"), event(60, "state", "checking")]
        self.assertEqual(phases.times(events, ZERO, None)["t_checking"], at(20))

    def test_what_did_not_happen_is_null(self):
        found = phases.times([event(7, "state", "checking")], ZERO, None)
        self.assertIsNone(found["t_failed"])
        self.assertIsNone(phases.stamp(found["t_failed"]))
        self.assertIsNone(phases.seconds(found)["confirm"])


if __name__ == "__main__":
    unittest.main()
