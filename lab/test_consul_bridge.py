"""How serf's members become Consul's."""
import unittest

from consul_bridge import consul


class ConsulTest(unittest.TestCase):
    def member(self, status):
        return consul({"name": "compute-2", "addr": "10.77.2.2:7946", "tags": {"net": "storage"}, "status": status})

    def test_only_an_alive_member_has_the_status_that_masakari_takes_for_up(self):
        self.assertEqual({s: self.member(s)["Status"] for s in ("alive", "leaving", "left", "failed", "none")},
                         {"alive": 1, "leaving": 2, "left": 3, "failed": 4, "none": 0})

    def test_name_and_address_are_taken_over(self):
        shown = self.member("alive")
        self.assertEqual((shown["Name"], shown["Addr"], shown["Port"]), ("compute-2", "10.77.2.2", 7946))

    def test_a_status_that_serf_does_not_have_is_an_error_not_a_guess(self):
        with self.assertRaises(KeyError):
            self.member("perhaps")


if __name__ == "__main__":
    unittest.main()
