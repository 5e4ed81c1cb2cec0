"""Requests that depend on earlier ones: conflicts, what is in use, what is gone, pages, filters, rights."""
from .script import version

SEGMENT = {"recovery_method": "auto", "service_type": "COMPUTE"}
HOST = {"type": "COMPUTE", "control_attributes": "SSH"}
STOPPED = {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}


def conflicts(script):
    """Names twice, in other cases, after a deletion; deletions twice."""
    script.of("conflicts")

    def create(name, **how):
        script.ask("POST", "/v1/segments", {"segment": {**SEGMENT, "name": name}}, **how)

    def register(segment, name, **how):
        script.ask("POST", f"/v1/segments/{segment}/hosts", {"host": {**HOST, "name": name}}, **how)
    create("twice", keep="twice")
    for name in ("twice", "TWICE", "twic\u00e9", "Twice", "other"):
        create(name)
    create("other2", keep="other")
    for name in ("twice", "other2", "OTHER2", "TWICE"):
        script.ask("PUT", "/v1/segments/@other@", {"segment": {"name": name}})
    register("@twice@", "compute-c", keep="c")
    for segment in ("@twice@", "@other@"):
        for name in ("compute-c", "compute-C", "compute-\u00e7"):
            register(segment, name)
    register("@other@", "compute-d", keep="d")
    for name in ("compute-c", "compute-d", "compute-D"):
        script.ask("PUT", "/v1/segments/@other@/hosts/@d@", {"host": {"name": name}})
    for method, body in (("GET", None), ("PUT", {"host": {"reserved": True}}), ("DELETE", None)):  # a host under another segment
        for segment in ("@other@", "@nil@", "xyz"):
            script.ask(method, f"/v1/segments/{segment}/hosts/@c@", body)
        for host in ("@nil@", "xyz", "@c.id@", "1"):
            script.ask(method, f"/v1/segments/@twice@/hosts/{host}", body)
    for method, body in (("GET", None), ("PUT", {"segment": {"description": "x"}})):
        for segment in ("7", "twice", "@nil@"):
            script.ask(method, f"/v1/segments/{segment}", body)
    script.ask("DELETE", "/v1/segments/@twice@/hosts/@c@")
    script.ask("DELETE", "/v1/segments/@twice@/hosts/@c@")
    script.get("/v1/segments/@twice@/hosts/@c@")
    script.ask("PUT", "/v1/segments/@twice@/hosts/@c@", {"host": {"reserved": True}})
    register("@other@", "compute-c", keep="c2")
    script.ask("DELETE", "/v1/segments/@twice@")
    script.ask("DELETE", "/v1/segments/@twice@")
    script.get("/v1/segments/@twice@")
    script.get("/v1/segments/@twice@/hosts")
    script.ask("PUT", "/v1/segments/@twice@", {"segment": {"name": "back"}})
    create("twice", keep="twice2")
    script.ask("DELETE", "/v1/segments/@other@")  # with its two hosts
    for host in ("@c2@", "@d@"):
        script.get(f"/v1/segments/@other@/hosts/{host}")
    register("@twice2@", "compute-d", keep="d2")
    script.get("/v1/segments/@twice2@/hosts")
    for bad in ({"host": {}}, {"host": {"name": "compute-c"}}, {}, b"{"):
        script.ask("PUT", "/v1/segments/@nil@/hosts/@nil@", bad)
        script.ask("PUT", "/v1/segments/@nil@/hosts/@nil@", bad, token="member")


def in_use(script):
    """A notification that is new, running or error holds its segment; duplicates; maintenance; vmoves."""
    script.of("in use")
    script.ask("POST", "/v1/segments", {"segment": {**SEGMENT, "name": "used"}}, keep="used")
    script.ask("POST", "/v1/segments/@used@/hosts", {"host": {**HOST, "name": "compute-u1"}}, keep="u1")
    script.ask("POST", "/v1/segments/@used@/hosts", {"host": {**HOST, "name": "compute-u2"}}, keep="u2")

    def notify(kind="COMPUTE_HOST", host="compute-u1", at="2026-05-01T10:00:00", payload=STOPPED, **how):
        script.ask("POST", "/v1/notifications", {"notification": {"type": kind, "hostname": host, "generated_time": at,
                                                            "payload": payload}}, **how)
    notify(keep="stopped")
    notify()
    notify(at="2026-05-01T10:02:59")
    notify(at="2026-05-01T10:03:00")
    notify(at="2026-05-01T10:03:01", keep="later")
    notify(at="2026-05-01T09:00:00")
    notify(at="2026-05-01T10:00:00", payload={"event": "STOPPED", "host_status": "NORMAL"})
    notify(at="2026-05-01T10:00:00", payload=dict(reversed(STOPPED.items())))
    notify(at="2026-05-01T10:00:00", payload={**STOPPED, "event": "STARTED"})
    notify(at="2026-05-01T12:00:00+02:00")
    notify(host="compute-u2")
    notify("PROCESS", payload={"event": "STOPPED", "process_name": "nova-compute"}, keep="process")
    notify("PROCESS", payload={"event": "STOPPED", "process_name": "nova-compute"})
    notify("VM", payload={"event": "LIFECYCLE", "instance_uuid": "@nil@", "vir_domain_event": "STOPPED_FAILED"}, keep="vm")
    for status in ("new", "running", "error", "failed", "ignored", "finished"):
        script.sql(f"update notifications set status = '{status}' where source_host_uuid in ('@u1@', '@u2@')")
        script.ask("DELETE", "/v1/segments/@used@/hosts/@nil@")
        for path, key in (("/v1/segments/@used@", "segment"), ("/v1/segments/@used@/hosts/@u1@", "host"),
                          ("/v1/segments/@used@/hosts/@u2@", "host")):
            script.ask("PUT", path, {key: {"name": f"compute-x-{status}-{path[-4:-1]}"}})
            script.ask("PUT", path, {key: {}})
            if status in ("new", "running", "error"):
                script.ask("DELETE", path)
        for inner in ({"recovery_method": "auto_priority"}, {"description": status}, {"service_type": status}):
            script.ask("PUT", "/v1/segments/@used@", {"segment": inner})
        script.ask("PUT", "/v1/segments/@used@", {"segment": {"enabled": True}}, headers=version("1.2"))
        for inner in ({"reserved": True}, {"control_attributes": status}, {"on_maintenance": "no"}, {"type": "B"}):
            script.ask("PUT", "/v1/segments/@used@/hosts/@u1@", {"host": inner})
        script.ask("POST", "/v1/segments/@used@/hosts", {"host": {**HOST, "name": f"compute-added-{status}"}})
        # What one side took and the other did not is as before on both for what follows.
        script.sql("update failover_segments set name = 'used', description = null, service_type = 'COMPUTE', recovery_method = 'auto', updated_at = null where uuid = '@used@'")
        script.sql("update hosts set reserved = 0, control_attributes = 'SSH', type = 'COMPUTE', on_maintenance = 0, updated_at = null where uuid in ('@u1@', '@u2@')")
        for one in ("@stopped@", "@process@", "@vm@"):
            script.get(f"/v1/notifications/{one}")
            script.get(f"/v1/notifications/{one}/vmoves")
            script.get(f"/v1/notifications/{one}/vmoves/@nil@")
            script.ask("PUT", f"/v1/notifications/{one}", {"notification": {}})
            script.ask("DELETE", f"/v1/notifications/{one}")
    script.sql("update hosts set name = 'compute-u1' where uuid = '@u1@'")
    for path in ("/v1/segments/@used.upper@", "/v1/segments/@used@/hosts/@u1.upper@", "/v1/segments/@used.upper@/hosts/@u1@",
                 "/v1/segments/@used.upper@/hosts",
                 "/v1/notifications/@stopped.upper@", "/v1/notifications/@stopped.upper@/vmoves"):
        script.get(path)
    script.ask("PUT", "/v1/segments/@used.upper@", {"segment": {"service_type": "COMPUTE"}})
    script.ask("PUT", "/v1/segments/@used@/hosts/@u1.upper@", {"host": {"type": "COMPUTE"}})
    script.ask("PUT", "/v1/segments/@used@/hosts/@u1@", {"host": {"on_maintenance": True}})
    for kind, payload in (("COMPUTE_HOST", STOPPED), ("COMPUTE_HOST", {"event": "STARTED"}), ("PROCESS", {"event": "STOPPED",
                                                            "process_name": "p"})):
        notify(kind, at="2027-01-01T00:00:00", payload=payload)
    script.ask("PUT", "/v1/segments/@used@/hosts/@u1@", {"host": {"on_maintenance": "False"}})
    script.ask("PUT", "/v1/segments/@used@", {"segment": {"enabled": False}}, headers=version("1.2"))
    notify(at="2027-01-01T00:00:00", keep="disabled")
    script.sql("update notifications set updated_at = '2026-05-01 10:00:01' where notification_uuid = '@disabled@'")
    script.get("/v1/notifications/@disabled@")
    for number in ("1.1", "1.3"):
        script.get("/v1/notifications/@disabled@", headers=version(number))
    script.sql("insert into vmoves (created_at, updated_at, deleted, uuid, notification_uuid, instance_uuid, instance_name, source_host, dest_host, start_time, "
               "end_time, type, status, message) values ('2026-05-01 10:00:01', null, 0, 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '@stopped@', "
               "'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'vm1', 'compute-u1', 'compute-u2', '2026-05-01 10:00:01', '2026-05-01 10:00:09', 'evacuation', 'succeeded', null),"
               "('2026-05-01 10:00:02', '2026-05-01 10:00:10', 0, 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaab', '@stopped@', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbc', 'vm2', null, null, null, "
               "null, 'evacuation', 'failed', 'Failed reason: timeout.')")
    script.sql("update notifications set status = 'finished'")
    for query in ("", "?limit=1", "?status=failed", "?status=bogus", "?type=evacuation", "?type=migration",
                  "?sort_key=instance_name&sort_dir=asc", "?sort_key=bogus", "?sort_key=message",
                  "?sort_key=start_time&sort_key=dest_host", "?marker=1", "?marker=99", "?limit=x",
                  "?sort_key=source_host&sort_dir=asc&limit=1&marker=2"):
        script.get(f"/v1/notifications/@stopped@/vmoves{query}")
    for one in ("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaab", "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA",
                "1", "new"):
        for parent in ("@stopped@", "@later@", "@vm@", "@nil@"):
            script.get(f"/v1/notifications/{parent}/vmoves/{one}")
    for number in ("1.0", "1.1", "1.2", "1.3"):
        script.get("/v1/notifications/@stopped@/vmoves", headers=version(number))


def lists(script):
    """Pages, orders and filters over known rows."""
    script.of("lists")
    script.sql("delete from notifications where source_host_uuid = '@n@' and payload not like '%nova-compute%'")
    script.sql("update failover_segments set deleted = id where deleted = 0 and uuid not in (select failover_segment_id from hosts where name = 'compute-u1')")
    rows = [("l1", "auto", "COMPUTE", "d"), ("l2", "reserved_host", "compute", None), ("l3", "auto", "STORAGE", "b"),
            ("L4", "rh_priority", "COMPUTE", ""), ("\u00fc5", "auto_priority", "x y", "a")]
    for name, method, service, text in rows:
        script.ask("POST", "/v1/segments", {"segment": {"name": name, "recovery_method": method, "service_type": service,
                                                        "description": text}}, keep=f"{name[-2:].lower()}" if name.isascii() else "l5")
    script.sql("update failover_segments set enabled = 0 where name in ('l2', 'l3')")
    for number, (name, more) in enumerate((("compute-l1", {}), ("compute-l2", {"reserved": True}), ("compute-L3", {"type": "KVM"}),
                                           ("compute-l4", {"on_maintenance": True, "type": ""}))):
        script.ask("POST", "/v1/segments/@l1@/hosts", {"host": {**HOST, "name": name, **more}}, keep=f"lh{number}")
    for table in ("failover_segments", "hosts", "notifications"):  # how long a side took does not order its rows
        script.sql(f"update {table} set created_at = '2026-05-01 10:00:00', updated_at = null")
    for path, keys in (("/v1/segments", ["id", "uuid", "name", "service_type", "enabled", "description", "recovery_method", "created_at",
                                         "updated_at", "deleted_at", "deleted"]),
                       ("/v1/segments/@l1@/hosts", ["id", "uuid", "name", "reserved", "type", "control_attributes", "on_maintenance",
                                                    "failover_segment_id", "created_at", "updated_at", "deleted"]),
                       ("/v1/notifications", ["id", "notification_uuid", "generated_time", "type", "payload", "status",
                                              "source_host_uuid", "failover_segment_uuid", "message", "created_at",
                                              "updated_at", "deleted_at", "deleted"])):
        marker = {"/v1/segments": "@l3.id@", "/v1/notifications": "@stopped.id@"}.get(path, "@lh1.id@")
        for key in (*keys, "bogus", "hosts", "failover_segment", "uuid", "notification_uuid", "", "ID", "id ", "id,name", "__class__",
                    "metadata", "id;drop", "name desc"):
            if key in ("uuid", "notification_uuid", "source_host_uuid", "failover_segment_uuid"):  # in the order of chance
                script.get(f"{path}?sort_key={key}&{'recovery_method' if path == '/v1/segments' else 'type'}=bogus")
                continue
            script.get(f"{path}?sort_key={key.replace(' ', '%20')}&limit=9")
            script.get(f"{path}?sort_key={key.replace(' ', '%20')}&sort_dir=asc&limit=3&marker={marker}")
        for query in ("limit=2", "limit=0", "limit=1000", "limit=1001", "limit=99999999999999999999", "limit=-1", "limit=-0",
                      "limit=%2B1", "limit=1.0", "limit=1e1", "limit=abc", "limit=", "limit=%201%20",
                      "limit=1_0", "limit=%D9%A1", "limit=1&limit=2", "limit=2&limit=x", "limit=x&limit=2", "page_size=1", "page_size=x",
                      "page_size=-1", "page_size=", "limit=2&page_size=1",
                      f"marker={marker}", f"limit=1&marker={marker}", f"marker={marker}&sort_dir=asc", "marker=999999", "marker=0",
                      "marker=-1", "marker=@l1@", "marker=@nil@", "marker=", "marker=x",
                      "marker=12ab", "marker=%2B1", "marker=1.0", f"marker=999999&marker={marker}", "limit=0&marker=x", "sort_dir=asc",
                      "sort_dir=desc", "sort_dir=ASC", "sort_dir=up", "sort_dir=",
                      "sort_dir=%20asc", "sort_dir=asc&sort_dir=desc", "sort_key=id&sort_dir=asc&sort_dir=desc",
                      "sort_key=created_at&sort_key=id&sort_dir=asc&sort_dir=desc",
                      "sort_key=created_at&sort_key=id&sort_dir=desc", "sort_key=id&sort_key=id", "offset=1", "bogus=1", "a=b&c=d&a=e",
                      "limit=2;marker=1", "limit%3D2", "%FF=1", "limit=%FF",
                      "sort_key=%FF", "limit=0&sort_key=bogus", "limit=0&sort_dir=up", "limit=x&marker=x", "deleted=1", "all_tenants=1",
                      "fields=id", "LIMIT=1", "limit=\u00b2".encode().decode("latin-1").replace("\u00c2\u00b2", "%C2%B2")):
            script.get(f"{path}?{query}")
    script.of("filters")
    for query in ("recovery_method=auto", "recovery_method=AUTO", "recovery_method=bogus", "recovery_method=",
                  "recovery_method=auto&recovery_method=reserved_host", "service_type=COMPUTE",
                  "service_type=compute", "service_type=x%20y", "service_type=bogus", "service_type=", "service_type=COMPUTE%20",
                  "name=l1", "uuid=@l1@", "id=1", "description=d",
                  "recovery_method=auto&service_type=COMPUTE", *(f"enabled={value}" for value in ("0", "1", "True", "true", "False", "no",
                                                            "", "x", "2", "None"))):
        script.get(f"/v1/segments?{query}")
    for query in ("type=COMPUTE", "type=compute", "type=KVM", "type=", "name=compute-l1", "control_attributes=SSH",
                  "control_attributes=x", "failover_segment_id=@nil@", "uuid=@nil@", "type=KVM&type=COMPUTE",
                  *(f"{key}={value}" for key in ("reserved", "on_maintenance") for value in ("0", "1", "True", "tRuE", "t", "on", "y",
                                                            "yes", "False", "n", "off", "", "x", "2", "None", "%20true%20",
                                                            "true&{}=x".format(key)))):
        script.get(f"/v1/segments/@l1@/hosts?{query}")
    for path in ("/v1/segments/@nil@/hosts", "/v1/segments/xyz/hosts"):
        for query in ("", "?limit=x", "?reserved=x", "?sort_key=bogus", "?sort_dir=up", "?marker=x"):
            script.get(path + query)
    for query in ("status=finished", "status=FINISHED", "status=new", "status=bogus", "status=", "type=VM&limit=2", "type=vm&limit=2",
                  "type=bogus", "type=VM&type=PROCESS&limit=2", "source_host_uuid=@n@&limit=2",
                  "source_host_uuid=@nil@", "source_host_uuid=xyz", "source_host_uuid=", "failover_segment_uuid=@nil@&limit=2",
                  "notification_uuid=@nil@&limit=2", "generated_since=2999-01-01&limit=2",
                  *(f"generated-since={time}&limit=3" for time in ("2000-01-01", "2999-01-01", "2026-05-01T10:00:00",
                                                            "2026-05-01T12:00:00%2B02:00", "2026-05-01%2010:00:00", "x", "", "2017-13-01",
                                                            "2026-05-01T10:00:00Z",
                                                                   "2026-05-01T12:00:00+02:00", "0500-01-01"))):
        script.get(f"/v1/notifications?{query}")
    for number in ("1.0", "1.1", "1.2", "1.3"):
        script.get("/v1/notifications?limit=1", headers=version(number))
        script.get("/v1/segments?limit=1", headers=version(number))


def rights(script):
    """Who may what: each kind of token on each route, with bodies that are good, bad and broken."""
    script.of("rights")
    good = {"segment": {**SEGMENT, "name": "by rights"}}
    note = {"notification": {"type": "VM", "hostname": "ghost", "generated_time": "2026-01-01", "payload": {"event": "a",
                                                            "instance_uuid": "@nil@", "vir_domain_event": "b"}}}
    short = {"notification": {"type": "VM", "hostname": "ghost", "generated_time": "2026-01-01", "payload": {}}}
    for token in ("member", "reader", "service", "auditor", "unscoped", "system", "domain", "other project", "nobody's", None):
        for number, (method, path, body) in enumerate((("GET", "/", None), ("GET", "/v1", None), ("GET", "/v1/", None),
                                                       ("GET", "/v1/versions/v1.0", None), ("GET", "/v1/segments?limit=1", None),
                                                       ("POST", "/v1/segments", {}),
                                   ("POST", "/v1/segments", b"{"), ("POST", "/v1/segments", {"segment": {"name": 7}}),
                                                       ("GET", "/v1/segments/@l1@", None), ("GET", "/v1/segments/xyz", None),
                                   ("GET", "/v1/segments?limit=x", None), ("PUT", "/v1/segments/@nil@", {"segment": {"name": "x"}}),
                                                       ("PUT", "/v1/segments/@nil@", {"segment": {}}),
                                   ("DELETE", "/v1/segments/@nil@", None), ("GET", "/v1/segments/@l1@/hosts?limit=1", None),
                                                       ("GET", "/v1/segments/@nil@/hosts", None),
                                   ("POST", "/v1/segments/@nil@/hosts", {"host": {**HOST, "name": "ghost"}}),
                                                       ("GET", "/v1/segments/@l1@/hosts/@lh0@", None),
                                                       ("DELETE", "/v1/segments/@nil@/hosts/@nil@", None),
                                   ("PUT", "/v1/segments/@nil@/hosts/@nil@", {"host": {"reserved": True}}),
                                                       ("GET", "/v1/notifications?limit=1", None), ("POST", "/v1/notifications", note),
                                   ("POST", "/v1/notifications", short), ("POST", "/v1/notifications", {}),
                                                       ("GET", "/v1/notifications/@nil@", None), ("GET", "/v1/notifications/@nil@/vmoves",
                                                            None),
                                   ("GET", "/v1/notifications/@nil@/vmoves/@nil@", None), ("GET", "/v1/extensions", None),
                                                       ("GET", "/v1/extensions/segments", None), ("GET", "/v1/extensions/bogus", None),
                                   ("PUT", "/v1/notifications/@nil@", {}), ("GET", "/v1/bogus", None), ("PATCH", "/v1/segments", None),
                                                       ("GET", "/v1/@project@/segments?limit=1", None), ("GET", "/v1/abc123/segments",
                                                            None),
                                   ("POST", "/v1/abc123/segments", good), ("POST", "/v1/@project@/segments", {}),
                                                       ("OPTIONS", "/v1/segments", None), ("GET", "/foo", None), ("GET", "/healthcheck",
                                                            None))):
            if token != "nobody's" or number % 6 == 1:  # such a token is asked of Keystone each time
                script.ask(method, path, body, token=token)
    script.ask("POST", "/v1/segments", good, token="member")
    script.get("/v1/segments", headers=(("X-Auth-Token", ""),), token=None)
    script.get("/v1/segments", headers=(("X-Roles", "admin"), ("X-User-Id", "me"), ("X-Identity-Status", "Confirmed"), ("X-Project-Id",
                                                            "@project@")), token=None)
    script.get("/v1/segments", headers=(("X-Roles", "admin"), ("X-Identity-Status", "Confirmed")), token="member")
    script.get("/v1/segments?limit=1", headers=(("X-Service-Token", "nonsense"),))
    script.get("/v1/segments", headers=(("Authorization", "Bearer x"),), token=None)


def middleware(script):
    """What stands before the API: CORS, request ids, size, proxies, the health check, version documents."""
    script.of("cors")
    for origin in ("https://horizon.example.org", "https://evil.example.org", "https://HORIZON.example.org", "null", ""):
        for path in ("/v1/segments", "/v1/bogus", "/", "/foo", "/healthcheck", "/v1/"):
            script.get(path, headers=(("Origin", origin),))
            for extra in ((), (("Access-Control-Request-Method", "GET"),), (("Access-Control-Request-Method", "PATCH"),),
                          (("Access-Control-Request-Method", "HEAD"),),
                          (("Access-Control-Request-Method", "get"),), (("Access-Control-Request-Method", "PUT"),
                                                            ("Access-Control-Request-Headers", "X-Auth-Token, content-type")),
                          (("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-bogus")),
                          (("Access-Control-Request-Headers", "X-Auth-Token"),),
                          (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", ""))):
                script.ask("OPTIONS", path, headers=(("Origin", origin), *extra), token=None)
        script.ask("POST", "/v1/segments", {}, headers=(("Origin", origin),))
        script.get("/v1/segments", headers=(("Origin", origin),), token=None)
        script.get("/v1/segments/xyz", headers=(("Origin", origin), ("OpenStack-API-Version", "instance-ha 9.9")))
        script.ask("POST", "/v1/segments", b"{}", headers=(("Origin", origin), ("Content-Length", "200000")))
    script.of("request ids")
    for given in ("req-11111111-1111-4111-8111-111111111111", "req-x", "x", "", "req-11111111-1111-4111-8111-111111111111x"):
        for path in ("/v1/segments?limit=0", "/v1/bogus", "/", "/healthcheck"):
            script.get(path, headers=(("X-Openstack-Request-Id", given),))
    script.of("size")
    for size in (114687, 114688, 114689, 200000):
        for path in ("/v1/segments", "/v1/bogus", "/", "/foo"):
            script.ask("POST", path, b"{" + b" " * (size - 2) + b"}")
        script.ask("POST", "/v1/segments", b"{" + b" " * (size - 2) + b"}", token=None)
        script.ask("GET", "/v1/segments?limit=0", b" " * size)
    script.of("proxy headers")
    for headers in ((("Host", "ha.example.org"),), (("Host", "ha.example.org:443"),), (("Host", "HA.Example.org"),),
                    (("X-Forwarded-Proto", "https"),), (("X-Forwarded-Host", "ha.example.org"),),
                    (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "ha.example.org")), (("X-Forwarded-Prefix", "/instance-ha"),),
                    (("X-Forwarded-Prefix", "/instance-ha/"),),
                    (("X-Forwarded-Host", "a.example.org, b.example.org"),), (("X-Forwarded-Proto", "https, http"),),
                    (("Forwarded", "for=10.0.0.1;proto=https;host=ha.example.org"),),
                    (("Forwarded", "for=10.0.0.1;proto=https, for=10.0.0.2;host=inner"),), (("Forwarded", "bogus"),),
                    (("X-Forwarded-Port", "8443"),), (("X-Forwarded-For", "10.0.0.1"),),
                    (("X-Forwarded-Host", "ha.example.org:8443"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Prefix", "/x")),
                    (("Forwarded", "proto=https"), ("X-Forwarded-Host", "ignored.example.org")),
                    (("Forwarded", 'for="[2001:db8::1]";proto=https;host="ha.example.org"'),)):
        for path in ("/", "/v1/", "/v1", "/foo/bar", "/v1/versions/v1.0", "/v1/segments?limit=0"):
            script.get(path, headers=headers)
    script.of("health")
    for on in (False, True, False):
        script.drain(on)
        for accept in (None, "application/json", "text/html", "text/plain", "*/*", "application/xml",
                       "text/html;q=0.5, application/json"):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                script.ask(method, "/healthcheck", headers=() if accept is None else (("Accept", accept),), token=None)
        script.get("/healthcheck?detailed=True", token=None)
        script.get("/v1/segments?limit=0")
