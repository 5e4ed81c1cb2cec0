"""What the oracle calls "twice", from ticks written by hand."""
import pathlib
import tempfile
import time
import unittest

from oracle.analyse import Oracle


class TwiceTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.oracle = Oracle(self.directory.name)

    def run_of(self, uuid, host, *ticks):
        name = f"{uuid}@{host}@{ticks[0]:.3f}"
        (pathlib.Path(self.directory.name) / name).write_text("".join(f"{t:.3f}\n" for t in ticks))

    def test_runs_on_two_hosts_that_overlap_are_twice(self):
        self.run_of("a", "compute-1", 10.0, 10.1, 10.2)
        self.run_of("a", "compute-2", 10.15, 10.25)
        self.assertEqual([o.uuid for o in self.oracle.twice()], ["a"])

    def test_a_start_less_than_one_tick_after_the_last_sign_is_twice(self):
        self.run_of("a", "compute-1", 10.0, 10.1)
        self.run_of("a", "compute-2", 10.15)
        self.assertEqual(len(self.oracle.twice()), 1)

    def test_a_start_after_the_end_is_not_twice(self):
        self.run_of("a", "compute-1", 10.0, 10.1)
        self.run_of("a", "compute-2", 10.3)
        self.assertEqual(self.oracle.twice(), [])

    def test_different_instances_at_one_time_are_not_twice(self):
        self.run_of("a", "compute-1", 10.0, 10.1)
        self.run_of("b", "compute-1", 10.0, 10.1)
        self.assertEqual(self.oracle.twice(), [])

    def test_a_half_written_last_line_is_not_read(self):
        self.run_of("a", "compute-1", 10.0, 10.1)
        path = next(pathlib.Path(self.directory.name).iterdir())
        path.write_text(path.read_text() + "99")
        self.assertEqual(self.oracle.runs()[0].last, 10.1)

    def test_what_ticks_now_runs_and_what_stopped_does_not(self):
        now = time.monotonic()
        self.run_of("a", "compute-1", now - 5, now)
        self.run_of("b", "compute-1", now - 5, now - 3)
        self.assertEqual(self.oracle.running(), {"a": {"compute-1"}})
        self.assertEqual(self.oracle.forget(), 1)
        self.assertEqual([r.uuid for r in self.oracle.runs()], ["a"])


if __name__ == "__main__":
    unittest.main()
