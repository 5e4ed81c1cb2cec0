"""Every path in every form, by every method: what is routed, what is not, and how both are told."""
from .script import version

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
MEMBER = ("", "/", ".json", ".xml", ".yaml", "/edit", "/edit.json", "/action", "/action/", "/bogus", "/new")
ROUTED = [
    "/v1", "/v1/", "/v1.json", "/v1/.json", "/v1/versions", "/v1/versions.json", "/v1/versions/", "/v1/versions/new",
    *(f"/v1/versions/{id}" for id in ("v1.0", "v1.0/", "v1.0.json", "v1", "x", "v1.0/edit", "v1.0/action")),
    "/v1/segments", "/v1/segments/", "/v1/segments.json", "/v1/segments.xml", "/v1/segments.yaml", "/v1/segments.JSON",
          "/v1/segments/new",
    "/v1/segments/new.json", "/v1/segments/detail", *(f"/v1/segments/@nil@{end}" for end in MEMBER), "/v1/segments/xyz",
          "/v1/segments/action",
    *(f"/v1/segments/@nil@/hosts{end}" for end in ("", "/", ".json", "/new", "/new.json", "/detail", "/action")),
    *(f"/v1/segments/@nil@/hosts/@nil@{end}" for end in MEMBER), "/v1/segments/xyz/hosts/xyz", "/v1/segments/new/hosts",
    "/v1/notifications", "/v1/notifications/", "/v1/notifications.json", "/v1/notifications/new",
    *(f"/v1/notifications/@nil@{end}" for end in MEMBER), "/v1/notifications/xyz",
    *(f"/v1/notifications/@nil@/vmoves{end}" for end in ("", "/", ".json", "/new", "/new.json", "/action")),
    *(f"/v1/notifications/@nil@/vmoves/@nil@{end}" for end in MEMBER), "/v1/notifications/xyz/vmoves/xyz",
    "/v1/extensions", "/v1/extensions/", "/v1/extensions.json", "/v1/extensions/new",
    *(f"/v1/extensions/{alias}" for alias in ("segments", "os-hosts", "vmoves", "hosts", "segments.json", "segments/", "segments/edit",
                                              "segments/action")),
]
PROJECTS = ("@project@", "abc123", "0", "-", "xyz", "ABC", "a.b", "@project@/@project@")
UNDER_PROJECT = ("", "/", "/versions", "/versions/v1.0", "/segments", "/segments/", "/segments.json", "/segments/@nil@", "/segments/new",
                 "/segments/@nil@/hosts", "/notifications", "/notifications/@nil@/vmoves", "/notifications/@nil@/action", "/extensions",
                 "/extensions/segments", "/bogus", "/hosts")
ELSEWHERE = ["/", "/v1/hosts", "/v1/hosts/@nil@", "/v1/vmoves", "/v1/bogus", "/v2", "/v2/", "/v1.0", "/v1.0/segments", "/V1/segments",
             "/v1x", "/foo",
             "/foo/", "/foo/bar", "/foo.json", "/a%20b", "/%C3%BC", "/%ff", "/favicon.ico", "/healthcheck", "/healthcheck/",
             "/healthcheck/x",
             "/healthcheck.json"]
ODD = ["//v1/segments", "/v1//segments", "/v1/segments//", "//v1//segments//", "//", "///", "/%76%31/segments", "/v1/%73egments",
       "/v1%2Fsegments",
       "/v1/segments%2F@nil@", "/v1/segments/a%2Fb", "/v1/segments/a/b", "/v1/segments/%2e%2e", "/v1/segments/..", "/v1/../v1/segments",
       "/v1/./segments",
       "/v1/segments/a%00b", "/v1/segments/%0a", "/v1/segments/%20", "/v1/segments/%C3%BC", "/v1/segments/%ff",
       "/v1/segments/%F0%9F%98%80", "/v1/segments/%",
       "/v1/segments/%zz", "/v1/segments/a+b", "/v1/segments/a;b", "/v1/segments;a=b", "/v1/segments/x.y", "/v1/segments/x.json.json",
       "/v1/segments/.json",
       "/v1/segments/a.json/hosts", "/v1/segments/'", "/v1/segments/%22", "/v1/segments/%25s", "/v1/segments/{id}", "/v1/segments/*",
       "/v1/segments/%3Cb%3E",
       "/v1/segments?", "/v1/segments?&", "/v1/segments?a", "/v1/segments?=", "/v1/segments/@nil@?x=y", "/v1/segments/" + "x" * 300,
       "/v1/notifications/%C3%BC", "/v1/notifications/%ff/vmoves", "/v1/segments/%C3%BC/hosts/%C3%BC", "/v1/extensions/%C3%BC",
       "/v1/segments/NIL", "/v1/segments/11111111111141118111111111111111",
       "/v1/segments/@nil@/hosts/11111111111141118111111111111111", "/v1/notifications/11111111111141118111111111111111"]


def paths(script):
    """Each path by each method, without a body."""
    script.of("paths")
    for path in (*ROUTED, *ELSEWHERE):
        for method in METHODS:
            script.ask(method, path)
    script.of("paths under a project")
    for project in PROJECTS:
        for rest in UNDER_PROJECT:
            for method in ("GET", "POST", "DELETE") if project == "@project@" else ("GET", "PUT"):
                script.ask(method, f"/v1/{project}{rest}")
    script.of("odd paths")
    for path in ODD:
        for method in ("GET", "DELETE"):
            script.ask(method, path)


def methods(script):
    """Methods that no client uses."""
    script.of("methods")
    for method in ("TRACE", "FOO", "get", "PROPFIND"):
        for path in ("/", "/v1/", "/v1/segments", "/foo", "/healthcheck"):
            script.ask(method, path)


VERSIONS = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.10", "2.0", "0.9", "0.0", "1", "1.", ".1", "1.03", "01.0", "1.0.0", "-1.0", "1.-1",
            "1,0", "abc", "latest",
            "LATEST", "Latest", "latest ", " 1.2", "1.2 ", "1.2 x", "1.99999999999999999999", "99999999999999999999.0", "\xb2.0"]
HEADERS = ["", " ", "instance-ha", "instance-ha ", "1.2", "latest", "masakari 1.2", "masakari 9.9", "compute 2.1", "instance_ha 1.2",
           "ha 1.2",
           "INSTANCE-HA 1.2", "Instance-Ha 1.1", "instance-ha  1.2", "instance-ha\t1.2", "instance-ha=1.2", "instance-ha/1.2",
           "compute 2.1, instance-ha 1.1",
           "instance-ha 1.1,compute 2.1", "instance-ha 1.1, instance-ha 1.2", "instance-ha 9.9, instance-ha 1.2",
           "instance-ha 1.2, instance-ha 9.9",
           "instance-ha 1.2,", ",instance-ha 1.2", "instance-ha, 1.2", "compute", "instance-ha-x 1.2"]
OLDER = ["X-OpenStack-Masakari-API-Version", "X-OpenStack-HA-API-Version", "X-OpenStack-instance-ha-API-Version",
         "OpenStack-instance-ha-API-Version",
         "OpenStack-Masakari-API-Version", "X-OpenStack-Nova-API-Version"]


def microversions(script):
    """Each form of the header, on an answer, on a fault and where nothing is routed."""
    script.of("microversions")
    given = [version(number) for number in VERSIONS] + [(("OpenStack-API-Version", text),) for text in HEADERS]
    given += [((name, text),) for name in OLDER for text in ("1.2", "instance-ha 1.2", "9.9")]
    given += [(("OpenStack-API-Version", "instance-ha 1.1"), ("OpenStack-API-Version", "instance-ha 1.2")),
              (("OpenStack-API-Version", "instance-ha 9.9"), ("OpenStack-API-Version", "compute 2.1")),
              (("X-OpenStack-instance-ha-API-Version", "1.1"), ("OpenStack-API-Version", "instance-ha 1.2")), (("openstack-api-version",
                                                            "instance-ha 1.2"),)]
    for headers in given:
        for method, path in (("GET", "/v1/segments"), ("GET", "/v1/segments/xyz"), ("POST", "/v1/segments"),
                             ("PUT", "/v1/notifications/@nil@"),
                             ("GET", "/v1/"), ("GET", "/v1/bogus"), ("GET", "/"), ("DELETE", "/v1/segments/@nil@")):
            script.ask(method, path, headers=headers)
    for headers in (version("1.4"), version("x"), version("1.2")):
        for token in (None, "member"):
            script.get("/v1/segments", headers=headers, token=token)
        script.ask("POST", "/v1/segments", b"<x/>", media="application/xml", headers=headers)


ACCEPTS = [None, "", "*/*", "application/*", "text/*", "text/html", "text/plain", "application/json", "APPLICATION/JSON",
           "application/json;q=0",
           "application/json; charset=utf-8", "application/xml", "application/vnd.openstack.masakari+json",
           "application/vnd.openstack.masakari+json;q=0.5, application/json",
           "application/vnd.openstack.masakari+json, application/json", "application/json, text/plain, */*",
           "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
           "application/vnd.openstack.masakari+xml", "application/atom+xml", "application/json;version=1", "application/json;version=2",
           "text/html;q=0.1, application/json;q=0.2",
           "text/plain, text/html", "image/png", "bogus", "*", "application/json;q=x", "text/html;level=1"]


def accepts(script):
    """Which media type an answer has, by what the caller accepts."""
    script.of("accept")
    for accept in ACCEPTS:
        headers = () if accept is None else (("Accept", accept),)
        for method, path in (("GET", "/v1/segments"), ("GET", "/v1/segments.json"), ("GET", "/v1/segments.xml"),
                             ("GET", "/v1/segments/xyz"), ("GET", "/v1/bogus"),
                             ("PATCH", "/v1/segments"), ("GET", "/v1/bogus.json"), ("GET", "/v1/"), ("GET", "/v1"), ("GET", "/"),
                             ("GET", "/foo"), ("GET", "/healthcheck"),
                             ("HEAD", "/healthcheck"), ("OPTIONS", "/v1/segments")):
            script.ask(method, path, headers=headers)
        script.get("/v1/segments", headers=headers, token=None)
        script.get("/v1/segments", headers=headers, token="member")
        script.ask("POST", "/v1/segments", b"{}", headers=(*headers, ("Content-Length", "200000")))
    for language in ("de", "fr-CA, en;q=0.5", "*"):
        script.get("/v1/segments/xyz", headers=(("Accept-Language", language),))
