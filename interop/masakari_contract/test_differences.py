"""The differences that look at lists and links let no other answer through."""
import json
import unittest

from .differences import filter_enabled, links, no_atom, page_behind_null
from .script import Step


def answer(body, status=200, kind="application/json"):
    return {"status": status, "headers": {"content-type": kind}, "body": body}


def listed(name, *rows):
    return answer(json.dumps({name: rows}).replace('"id": 0', '"id": <id>'))


class DifferencesTest(unittest.TestCase):
    def allowed(self, told, step, theirs, ours):
        return told(step, theirs, ours) == ours

    def test_a_page_is_taken_over_only_behind_a_null(self):
        behind = Step("lists", "GET", "/v1/segments?sort_key=description&sort_dir=asc&limit=2&marker=7")
        rows = [{"id": 0, "uuid": "1", "description": None}, {"id": 0, "uuid": "2", "description": "a"}]
        empty, page = listed("segments"), listed("segments", *rows)
        self.assertTrue(self.allowed(page_behind_null, behind, empty, page))
        by_name = Step("lists", "GET", "/v1/segments?sort_key=name&sort_dir=asc&limit=2&marker=7")
        self.assertFalse(self.allowed(page_behind_null, by_name, empty, page))
        self.assertFalse(self.allowed(page_behind_null, behind, listed("segments", rows[0]), page))
        self.assertFalse(self.allowed(page_behind_null, behind, empty, listed("segments", *reversed(rows))))
        self.assertFalse(self.allowed(page_behind_null, behind, empty, listed("segments", rows[0], rows[0])))
        self.assertFalse(self.allowed(page_behind_null, behind, empty, listed("segments", *rows, {"uuid": "3", "description": "b"})))

    def test_a_filter_shows_what_it_names_and_nothing_else(self):
        on, off = {"id": 0, "enabled": True}, {"id": 0, "enabled": False}
        asked = Step("filters", "GET", "/v1/segments?enabled=True")
        theirs = listed("segments", off)
        self.assertTrue(self.allowed(filter_enabled, asked, theirs, listed("segments", on, on)))
        self.assertFalse(self.allowed(filter_enabled, asked, theirs, listed("segments", on, off)))
        self.assertFalse(self.allowed(filter_enabled, asked, theirs, listed("segments")))
        self.assertFalse(self.allowed(filter_enabled, asked, theirs, answer('{"badRequest": {"message": "enabled"}}', 400)))

    def test_links_lead_to_one_host_and_nothing_else_differs(self):
        asked = Step("proxy headers", "GET", "/", headers=(("X-Forwarded-Prefix", "/x"),))
        body = '{"id": "v1.0", "href": "%s"}'
        theirs = answer(body % "http://<host>/x/x/v1/")
        self.assertTrue(self.allowed(links, asked, theirs, answer(body % "http://<host>/x/v1/")))
        self.assertFalse(self.allowed(links, asked, theirs, answer(body % "http://a, b/x/v1/")))
        self.assertFalse(self.allowed(links, asked, theirs, answer(body.replace("1.0", "2.0") % "http://<host>/x/v1/")))

    def test_only_the_name_of_json_differs(self):
        asked = Step("accept", "GET", "/v1/", headers=(("Accept", "application/atom+xml"),))
        theirs = answer("{}", kind="application/atom+xml")
        self.assertTrue(self.allowed(no_atom, asked, theirs, answer("{}")))
        self.assertFalse(self.allowed(no_atom, asked, theirs, answer('{"a": 1}')))


if __name__ == "__main__":
    unittest.main()
