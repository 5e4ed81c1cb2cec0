"""Bodies: media types, JSON that is none, and each field of each resource with each kind of value."""
from .script import version

MEDIA = [None, "", "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=latin-1",
         "application/json; charset=utf-16",
         "application/json;version=1", "application/vnd.openstack.masakari+json", "application/vnd.openstack.masakari+json;charset=UTF-8",
         "text/plain",
         "text/plain; charset=utf-8", "text/html", "text/json", "application/xml", "application/x-www-form-urlencoded",
         "multipart/form-data; boundary=x",
         "application/octet-stream", "application/jsonx", "application/json-patch+json", "application/*", "*/*", "bogus",
         "application/json, text/plain", " application/json ",
         ";charset=utf-8"]
RAW = [b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"{}", b"{", b"}", b"{]", b"{'segment': {}}", b'{"segment": {}',
       b'{"segment": {}} x', b'{"segment": {}}{}', b'{"segment": {},}',
       b'{"segment": NaN}', b'{"segment": Infinity}', b'{"segment": -Infinity}', b'{"segment": 1e999}', b'{"segment": 01}',
       b'{"segment": 1.0}', b'{"segment": 123456789012345678901234567890}',
       b'\xef\xbb\xbf{"segment": {}}', b'{"segment": {"name": "\xff"}}', b'{"segment": {"name": "\xc3\xbc"}}',
       '{"segment": {}}'.encode("utf-16"), '{"segment": {}}'.encode("utf-32"),
       b'{"segment": {"name": "a\tb"}}', b'{"segment": {"name": "a\x00b"}}', b'{"segment": {"name": "\\ud800"}}',
       b'{"segment": {"name": "\\x41"}}', b'{"segment": {}, "segment": {}}',
       b'\r\n{"segment": {}}\r\n', b"[" * 100 + b"]" * 100, b"[" * 5000 + b"]" * 5000, b"// x\n{}", b"\x00",
       b'{"segment": {"name": "x"}}' + b" " * 1000,
       b'{"segment": null}', b'{"segment": []}', b'{"segment": "x"}', b'{"segment": 7}', b'{"Segment": {}}', b'{"segments": {}}',
       b'{"segment": {}, "host": {}}', b'{"": {}}',
       b'{"segment": {"name": null, "name": "dup"}}', b'{"segment": {"": 1}}']
TEXTS = [None, True, 0, 7, 1.5, -1, 1e300, [], ["a"], {}, {"a": 1}, "", " ", "a", "x" * 255, "x" * 256, "x" * 4097, " a", "a ", "a b",
         "a\tb", "a\nb", "a\n", "\n", "a\r\nb", "\u00fc",
         "\u4e2d" * 255, "\u4e2d" * 256, "a\u00a0", "\u00a0a", "a\u00a0b", "\u2003a", "a\u200bb", "a\u2028b", "\ufeffa", "\ue000",
         "\U0001f600", "a\u0000b", "a\u007fb", "a\u0085b",
         "it's \"q\" \\", "a/b", "%s {0}", "<b>", "\u0378", "\ufffd", "\uffff", "\ufffe", "e\u0301", "null", "\u202ea"]
BOOLEANS = [None, True, False, 0, 1, 2, 1.0, 0.0, [], {}, "",
            *"True TRUE true 1 ON On on YES Yes yes False FALSE false 0 OFF Off off NO No no".split(), "tRUE", "t", "f", "y", "n", "T",
            "2",
            " true", "true ", "enabled", "None"]
METHODS = [None, 1, "", "auto", "reserved_host", "auto_priority", "rh_priority", "AUTO", "auto ", "bogus", [], {}, True]
ABSENT = object()


def varied(base, field, values):
    """`base` with each value of one field, and without the field."""
    for value in (ABSENT, *values):
        body = {key: item for key, item in base.items() if key != field}
        if value is not ABSENT:
            body[field] = value
        yield body


def media(script):
    """What is taken for JSON."""
    script.of("media types")
    body = b'{"segment": {"name": "media", "recovery_method": "bogus", "service_type": "C"}}'
    for media_type in MEDIA:
        script.ask("POST", "/v1/segments", body, media=media_type)
        script.ask("PUT", "/v1/segments/@nil@", body, media=media_type)
        script.ask("PUT", "/v1/notifications/@nil@", body, media=media_type)
        script.ask("DELETE", "/v1/segments/@nil@", body, media=media_type)
        script.ask("POST", "/v1/bogus", body, media=media_type)
        script.ask("POST", "/v1/segments", b"", media=media_type)
        script.ask("POST", "/", body, media=media_type)


def raw(script):
    """Bytes in place of a body."""
    script.of("raw bodies")
    for body in RAW:
        script.ask("POST", "/v1/segments", body)
        script.ask("PUT", "/v1/segments/@nil@", body)
        script.ask("PUT", "/v1/notifications/@nil@", body)
        script.ask("POST", "/v1/segments/@nil@/action", body)
        script.ask("POST", "/v1/abc123/segments", body)
        script.ask("POST", "/v1/segments", body, token="member")
    for path in ("/", "/foo", "/v1/", "/v1/versions/v1.0"):
        for method in ("POST", "PUT", "GET", "DELETE"):
            for body in (b"{}", b"{", b"x=y"):
                script.ask(method, path, body)
    script.ask("GET", "/v1/segments", b'{"x": 1}')
    script.ask("GET", "/v1/segments", b"garbage")
    script.ask("DELETE", "/v1/segments/@nil@", b"garbage")


def segments(script):
    """Each field of a segment; what is created stays, so that names of later requests meet it."""
    base = {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE"}
    script.of("segment fields, create")
    count = 0

    def named(body):
        nonlocal count
        count += 1
        return {**body, **({"name": f"s{count}"} if body.get("name") == "s" else {})}
    for field, values in (("name", TEXTS), ("service_type", TEXTS), ("description", TEXTS), ("recovery_method", METHODS)):
        for body in varied(base, field, values):
            script.ask("POST", "/v1/segments", {"segment": named(body)})
    for number in ("1.0", "1.1", "1.2", "1.3"):
        for body in varied(base, "enabled", BOOLEANS if number == "1.2" else (True, "no", 7)):
            script.ask("POST", "/v1/segments", {"segment": named(body)}, headers=version(number))
    for more in ({"uuid": "@nil@"}, {"id": 1}, {"deleted": False}, {"created_at": None}, {"x": 1, "y": 2}, {"Name": "x"}, {"": ""}):
        script.ask("POST", "/v1/segments", {"segment": named({**base, **more})})
    script.ask("POST", "/v1/segments", {"segment": named(base), "x": 1})
    script.ask("POST", "/v1/segments",
               b'{"segment": {"name": "d1", "name": "d2", "recovery_method": "bogus", "recovery_method": "auto", "service_type": "C"}}')
    script.ask("POST", "/v1/segments", {"segment": {**base, "name": "long", "description": "x" * 65535}})
    script.ask("POST", "/v1/segments", {"segment": {**base, "name": "too long", "description": "x" * 65536}})
    script.ask("POST", "/v1/segments", {"segment": {**base, "name": "wide", "description": "\u4e2d" * 21846}})

    script.of("segment fields, update")
    script.ask("POST", "/v1/segments", {"segment": {**base, "name": "changing"}}, keep="changing")
    for field, values in (("name", TEXTS), ("service_type", TEXTS), ("description", TEXTS), ("recovery_method", METHODS)):
        for body in varied({}, field, values):
            if field == "name" and body.get("name") in ("a", "x" * 255, "a b", "\u00fc", "null", "a/b", "<b>"):
                body["name"] = f"{body['name'][:200]}2"  # taken by a create; that is asked for in the stories
            script.ask("PUT", "/v1/segments/@changing@", {"segment": body})
    for number in ("1.0", "1.1", "1.2", "1.3"):
        for body in varied({}, "enabled", BOOLEANS if number == "1.2" else (True, "no", 7)):
            script.ask("PUT", "/v1/segments/@changing@", {"segment": body}, headers=version(number))
    script.sql("update failover_segments set enabled = 1 where uuid = '@changing@'")
    for inner in ({"uuid": "@nil@"}, {"x": 1, "y": 2}, {"name": "n1", "service_type": "B", "description": "d",
                                                        "recovery_method": "rh_priority"}, {"name": "n1"}):
        script.ask("PUT", "/v1/segments/@changing@", {"segment": inner})
    script.get("/v1/segments/@changing@")
    script.ask("PUT", "/v1/segments/@changing@", {"segment": {"description": None}})
    script.get("/v1/segments/@changing@")


def hosts(script):
    """Each field of a host."""
    base = {"name": "h", "type": "COMPUTE", "control_attributes": "SSH"}
    script.of("host fields, create")
    script.ask("POST", "/v1/segments", {"segment": {"name": "for hosts", "recovery_method": "auto", "service_type": "C"}}, keep="field")
    path, count = "/v1/segments/@field@/hosts", 0

    def named(body):
        nonlocal count
        count += 1
        return {**body, **({"name": f"compute-f{count}"} if body.get("name") == "h" else {})}
    for field, values in (("name", [*TEXTS, "compute-\u00fc", "compute-a.example.org", "compute- b", "COMPUTE-x", "ghost"]),
                          ("type", [*TEXTS, "COMPUTE_HOST", "a-b"]),
                          ("control_attributes", TEXTS)):
        for body in varied(base, field, values if field == "name" else values[::3]):  # a host that is taken costs a question to Nova
            script.ask("POST", path, {"host": named(body)})
    for field in ("reserved", "on_maintenance"):
        for body in varied(base, field, BOOLEANS[::3]):
            script.ask("POST", path, {"host": named(body)})
    for more in ({"uuid": "@nil@"}, {"failover_segment_id": "@nil@"}, {"id": 1}, {"x": 1, "y": 2}):
        script.ask("POST", path, {"host": named({**base, **more})})
    script.ask("POST", path, {"host": named({**base, "control_attributes": "x" * 65536})})
    for bad in ({}, None, [], "x"):
        script.ask("POST", path, {"host": bad})
    script.ask("POST", path, {"host": named(base), "segment": {}})
    script.ask("POST", "/v1/segments/@nil@/hosts", {"host": named(base)})
    script.ask("POST", "/v1/segments/@nil@/hosts", {"host": {**base, "name": "ghost"}})
    script.ask("POST", "/v1/segments/xyz/hosts", {"host": {}})

    script.of("host fields, update")
    script.ask("POST", path, {"host": {**base, "name": "compute-changing"}}, keep="h")
    one = f"{path}/@h@"
    for field, values in (("name", [*TEXTS, "compute-renamed", "compute-renamed", "ghost", "COMPUTE-RENAMED"]),
                          ("type", [*TEXTS, "COMPUTE_HOST"]), ("control_attributes", TEXTS)):
        for body in varied({}, field, values):
            script.ask("PUT", one, {"host": body})
    for field in ("reserved", "on_maintenance"):
        for body in varied({}, field, BOOLEANS):
            script.ask("PUT", one, {"host": body})
    for inner in ({"uuid": "@nil@"}, {"failover_segment_id": "@nil@"}, {"type": "B", "control_attributes": "c", "reserved": "yes",
                                                            "on_maintenance": True}):
        script.ask("PUT", one, {"host": inner})
    script.get(one)
    for number in ("1.0", "1.1", "1.2", "1.3"):
        script.get(one, headers=version(number))
        script.get(path + "?limit=1", headers=version(number))


TIMES = ["2017-04-21", "2017-04-21 17:29:55", "2017-04-21T17:29:55", "2017-04-21T17:29:55.123456", "2017-04-21T17:29:55.1",
         "2017-04-21T17:29:55.1234567", "2017-04-21T17:29:55Z",
         "2017-04-21T17:29:55z", "2017-04-21T17:29:55+09:00", "2017-04-21T17:29:55-0130", "2017-04-21T17:29:55+09", "20170421T172955Z",
         "20170421", "2017-04", "2017", "2017-4-1",
         "2017-04-21T17:29", "2017-04-21T17", "2017-04-21T1729", "2017-04-21T24:00:00", "2017-04-21T17:29:60", "2017-04-21T17:60:00",
         "2017-13-01", "2017-02-30", "2016-02-29",
         "2017-04-21T17:29:55 +09:00", "2017-04-21T17:29:55,5", "2017-111", "2017-W16-5", "17:29:55", "bogus", "", " ", "2017-04-21 ",
         " 2017-04-21", "2017-04-21T", "1492795795",
         1492795795, None, True, [], {}, "9999-12-31T23:59:59", "9998-12-31T23:59:59", "2040-01-01", "1960-01-01", "1969-12-31T23:59:59",
         "1001-01-01", "9999-12-31T23:59:59-23:00", "1000-01-01", "0999-01-01", "0001-01-01", "0000-01-01", "10000-01-01",
         "2017-04-21T17:29:55+25:00",
         "2017-04-21T17:29:55+00:60", "2017-04-21t17:29:55", "2017/04/21", "2017-04-21T17:29:55.", "2017-04-21T17:29:55.000000+00:00",
         "\u0662017-04-21", "-2017-04-21",
         "2017-04-21T17:29:55.123456789012345", "2017-04-21_17:29:55", "2017-04-21T17:29:55UTC"]
EVENTS = {"COMPUTE_HOST": {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"},
          "VM": {"event": "LIFECYCLE", "instance_uuid": "@nil@", "vir_domain_event": "STOPPED_FAILED"},
          "PROCESS": {"event": "STOPPED", "process_name": "nova-compute"}}
WORDS = [None, 1, True, [], {}, "", "STARTED", "STOPPED", "started", "NORMAL", "UNKNOWN", "ONLINE", "OFFLINE", "LIFECYCLE", "x" * 255,
         "x" * 256, "a\nb", "\u00fc", "\U0001f600", " STOPPED"]
UUIDS = [None, 1, "", "zz", "@nil@", "11111111111141118111111111111111", "{11111111-1111-4111-8111-111111111111}",
         "urn:uuid:11111111-1111-4111-8111-111111111111",
         "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA", "1111-11111111-4111-8111-1111111111-11", " @nil@", "@nil@x"]
NAMES = [None, 1, True, [], {}, "", "compute-n", "COMPUTE-N", "compute-n.example.org", "Compute-n", "ghost", "a b", "a_b", "a/b",
         "\u00fc", "x" * 255, "x" * 256, "compute-n\n", "compute-n ", "-", "."]
KINDS = [None, 1, "", "COMPUTE_HOST", "VM", "PROCESS", "vm", "HOST", "COMPUTE", [], {}, "VM "]


def notifications(script):
    """Each field of a notification, each payload of each type. Every one that is taken has a time of its own, so none is a duplicate."""
    script.of("notification fields")
    script.ask("POST", "/v1/segments", {"segment": {"name": "for notifications", "recovery_method": "auto", "service_type": "C"}},
               keep="noted")
    script.ask("POST", "/v1/segments/@noted@/hosts", {"host": {"name": "compute-n", "type": "COMPUTE", "control_attributes": "SSH"}},
               keep="n")
    count = 0

    def post(inner, **how):
        nonlocal count
        count += 1
        at = f"20{count // 300 + 30:02}-{count // 28 % 12 + 1:02}-{count % 28 + 1:02}T00:00:00"
        filled = {key: at if (key, item) == ("generated_time", "*") else item for key, item in inner.items()}
        script.ask("POST", "/v1/notifications", {"notification": filled}, **how)
    for kind, payload in EVENTS.items():
        base = {"type": kind, "hostname": "compute-n", "generated_time": "*", "payload": payload}
        post(base, keep=f"of {kind}".replace(" ", "-").lower())
        for field in payload:
            for body in varied(payload, field, UUIDS if field == "instance_uuid" else WORDS):
                post({**base, "payload": body})
        for more in ({"x": "y"}, {"x": 1}, {"a" * 255: "b"}, {"a" * 256: "b"}, {"\u00fc": "b"}, {"a b": "c"}, {"": "x"},
                     {"x": "y", "z": "w"}, {"a\n": "b"}):
            post({**base, "payload": {**payload, **more}})
        for bad in (None, {}, [], "x", 1, [payload]):
            post({**base, "payload": bad})
    base = {"type": "VM", "hostname": "compute-n", "generated_time": "*", "payload": EVENTS["VM"]}
    for field, values in (("type", KINDS), ("hostname", NAMES), ("payload", ())):
        for body in varied(base, field, values):
            post(body)
    script.of("notification times")
    for number, body in enumerate(varied({**base, "type": "PROCESS"}, "generated_time", TIMES)):
        post({**body, "payload": {"event": "STOPPED", "process_name": f"p{number}"}})
    script.of("notification fields")
    for more in ({"status": "new"}, {"notification_uuid": "@nil@"}, {"x": 1, "y": 2}, {"source_host_uuid": "@nil@"}):
        post({**base, **more})
    for number in ("1.0", "1.1", "1.2", "1.3"):
        post(base, headers=version(number))
    script.get("/v1/notifications/@of-vm@")
    script.get("/v1/notifications/@of-compute_host@")
