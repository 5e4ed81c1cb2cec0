"""What the replay runs on: one Keystone, one answer of Nova's, and the APIs that are compared, each with a database of its own.

Real: MariaDB, RabbitMQ, Keystone, every API. Of Nova only the one listing that the APIs ask for is there (`.ci/api-fuzzer/nova.py`):
a host exists when its name begins with `compute-`. No engine runs on either side: what is compared is the API.
Everything listens on 127.0.0.1 on ports of its own and ends with the stack.
"""
import json
import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pymysql

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("THEMIS_BIN_DIR", ROOT / "target/debug"))
DEADLINE_S = 90
ROLES = ("member", "reader", "service", "auditor")  # beside admin; nobody's policy knows the last one
DEBIAN = "/usr/bin/python3"

# Where the pipelines leave the health check out.
HEALTH = """
[app:healthcheck]
paste.app_factory = oslo_middleware:Healthcheck.app_factory
backends = disable_by_file
disable_by_file_path = {dir}/drain-{side}
"""
MASAKARI_CONF = """
[DEFAULT]
transport_url = {amqp}
log_file = {dir}/log/{side}.log
notification_delay_max = 0
rpc_response_timeout = 1
masakari_api_workers = 1
masakari_api_listen = 127.0.0.1
masakari_api_listen_port = {port}
os_privileged_user_name = admin
os_privileged_user_password = {password}
os_privileged_user_tenant = admin
os_privileged_user_auth_url = {keystone}
os_user_domain_name = Default
os_project_domain_name = Default
[wsgi]
api_paste_config = {dir}/{side}-paste.ini
[database]
connection = {mysql}/{side}?charset=utf8
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = admin
username = admin
password = {password}
[oslo_middleware]
enable_proxy_headers_parsing = true
[cors]
allowed_origin = https://horizon.example.org
"""
# Newer releases make these tables too, and refuse to start without; Debian's taskflow lacks the file that it makes them by.
TASKFLOW = """
[taskflow]
connection = {mysql}/{side}?charset=utf8
"""
THEMIS_CONF = """
[DEFAULT]
transport_url = {amqp}
log_file = {dir}/log/{side}.log
[database]
connection = {mysql}/{side}?charset=utf8
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
username = admin
project_name = admin
password = {password}
[nova]
valid_interfaces = public
[api]
listen = 127.0.0.1
port = {port}
[healthcheck]
disable_by_file_path = {dir}/drain-{side}
[fencing]
key_file = {dir}/seal.key
[oslo_middleware]
enable_proxy_headers_parsing = true
[cors]
allowed_origin = https://horizon.example.org
"""
KEYSTONE_CONF = """
[DEFAULT]
use_stderr = true
[database]
connection = {mysql}/keystone?charset=utf8
[token]
provider = fernet
[fernet_tokens]
key_repository = {dir}/keystone/fernet
[fernet_receipts]
key_repository = {dir}/keystone/fernet
[credential]
key_repository = {dir}/keystone/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = false
"""


class StackError(Exception):
    """A part does not come up; the message names it and where its log is."""


class Stack:
    """`sides` maps a name to the Python that runs masakari-api there; None is Themis."""

    def __init__(self, directory, sides):
        self.dir, self.sides = pathlib.Path(directory), sides
        self.processes, self.password = {}, secrets.token_hex(8)
        self.ports = dict(zip(("keystone", "nova", *sides), free_ports(2 + len(sides))))
        self.keystone = f"http://127.0.0.1:{self.ports['keystone']}/v3"
        self.project = self.tokens = None

    def __enter__(self):
        (self.dir / "log").mkdir(parents=True, exist_ok=True)
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            signal_group(process, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()
        self.run("services-stop", ROOT / ".ci/services", "stop", self.dir / "services")

    def up(self):
        self.run("services", ROOT / ".ci/services", "start", self.dir / "services")
        env = dict(line.removeprefix("export ").split("=", 1) for line in (self.dir / "services/env").read_text().splitlines())
        self.mysql_port = int(env["THEMIS_TEST_MYSQL_URL"].rstrip("/").rsplit(":", 1)[1])
        self.fields = {"dir": self.dir, "password": self.password, "keystone": self.keystone, "amqp": env["THEMIS_TEST_AMQP_URL"],
                       "mysql": f"mysql+pymysql://themis:themis@127.0.0.1:{self.mysql_port}"}
        for name in ("keystone", *self.sides):
            self.sql(None, f"create database {name}")
        making = [self.make(side) for side in self.sides]
        self.make_keystone()
        self.start("nova", DEBIAN, ROOT / ".ci/api-fuzzer/nova.py", self.ports["nova"])
        self.answers("keystone", self.keystone)
        self.people()
        for side, process in zip(self.sides, making):
            if process.wait(DEADLINE_S):
                raise StackError(f"the database of {side} could not be made; see {self.dir}/log/{side}-db.log")
        for side in self.sides:
            self.start(side, *self.command(side))
        for side in self.sides:
            self.answers(side, f"http://127.0.0.1:{self.ports[side]}/")

    # ---- the parts

    def make(self, side):
        """Configuration and tables of one side; the process that makes the tables."""
        values = {**self.fields, "side": side, "port": self.ports[side]}
        conf = self.dir / f"{side}.conf"
        if self.sides[side] is None:
            conf.write_text(THEMIS_CONF.format(**values))
            self.run("seal", BIN / "themis-manage", "keys", "create", self.dir / "seal.key")
            words = [BIN / "themis-manage", "--config-file", conf, "db", "sync"]
        else:
            prefix = pathlib.Path("/" if self.sides[side] == DEBIAN else pathlib.Path(self.sides[side]).parents[1])
            paste = (prefix / "etc/masakari/api-paste.ini").read_text()
            if "healthcheck" not in paste:
                paste = paste.replace("/: apiversions\n", "/: apiversions\n/healthcheck: healthcheck\n") + HEALTH
            # Without the file's name this filter reads /etc/masakari/masakari.conf, wherever the program reads its own.
            paste = paste.replace("oslo_config_project = masakari\n",
                                  "oslo_config_project = masakari\noslo_config_file = {dir}/{side}.conf\n")
            (self.dir / f"{side}-paste.ini").write_text(paste.replace("/etc/masakari/healthcheck_disable",
                                                            "{dir}/drain-{side}").format(**values))
            text = MASAKARI_CONF + ("" if self.sides[side] == DEBIAN else TASKFLOW)
            conf.write_text(text.format(**values))
            words = [self.sides[side], "-c", "import sys; from masakari.cmd.manage import main; sys.exit(main())",
                     "--config-file", conf, "db", "sync"]
        return subprocess.Popen([str(word) for word in words], **self.output(f"{side}-db"))

    def command(self, side):
        conf = self.dir / f"{side}.conf"
        if self.sides[side] is None:
            return BIN / "themis-api", "--config-file", conf
        return self.sides[side], ROOT / "bench/masakari_api.py", "--config-file", conf

    def make_keystone(self):
        home = self.dir / "keystone"
        for keys in ("fernet", "credential"):
            (home / keys).mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "keystone.conf").write_text(KEYSTONE_CONF.format(**self.fields))
        url = ("--bootstrap-{}-url", self.keystone)
        for words in (["db_sync"], ["fernet_setup", "--keystone-user", "root", "--keystone-group", "root"],
                      ["credential_setup", "--keystone-user", "root", "--keystone-group", "root"],
                      ["bootstrap", "--bootstrap-password", self.password, "--bootstrap-region-id", "RegionOne",
                       *(word.format(kind) for kind in ("public", "internal", "admin") for word in url)]):
            self.run("keystone-manage", "keystone-manage", "--config-file", home / "keystone.conf", *words)
        self.start("keystone", "uwsgi", "--plugin", "python3", "--http-socket", f"127.0.0.1:{self.ports['keystone']}", "--wsgi-file",
                   "/usr/bin/keystone-wsgi-public", "--master", "--processes", "2", "--lazy-apps", "--buffer-size", "65535",
                   "--die-on-term", "--no-orphans", "--add-header", "Connection: close", "--disable-logging", "--need-app",
                   env={"OS_KEYSTONE_CONFIG_DIR": str(home)})

    def people(self):
        """A user for each role, Nova in the catalogue, and a token of each kind."""
        admin, token = self.token("admin", {"project": {"name": "admin", "domain": {"id": "default"}}})
        self.project = token["project"]["id"]

        def keystone(method, path, body=None):
            return self.call(method, path, body, {"X-Auth-Token": admin})[1]
        nova = keystone("POST", "/services", {"service": {"name": "nova", "type": "compute"}})["service"]["id"]
        for interface in ("public", "internal", "admin"):
            url = f"http://127.0.0.1:{self.ports['nova']}/v2.1"
            keystone("POST", "/endpoints", {"endpoint": {"service_id": nova, "interface": interface, "url": url,
                                                         "region_id": "RegionOne"}})
        known = {role["name"]: role["id"] for role in keystone("GET", "/roles")["roles"]}
        self.tokens = {"admin": admin, "nobody's": "gAAAAABnonsense", None: None}
        project = {"project": {"id": self.project}}
        for role in ROLES:
            if role not in known:
                known[role] = keystone("POST", "/roles", {"role": {"name": role}})["role"]["id"]
            user = keystone("POST", "/users", {"user": {"name": role, "password": self.password, "domain_id": "default"}})["user"]["id"]
            keystone("PUT", f"/projects/{self.project}/users/{user}/roles/{known[role]}")
            self.tokens[role] = self.token(role, project)[0]
        self.tokens["unscoped"] = self.token("member", None)[0]
        self.tokens["system"] = self.token("admin", {"system": {"all": True}})[0]
        other = keystone("POST", "/projects", {"project": {"name": "other", "domain_id": "default"}})["project"]["id"]
        user = keystone("GET", "/users?name=admin")["users"][0]["id"]
        keystone("PUT", f"/projects/{other}/users/{user}/roles/{known['admin']}")
        self.tokens["other project"] = self.token("admin", {"project": {"id": other}})[0]
        keystone("PUT", f"/domains/default/users/{user}/roles/{known['admin']}")
        self.tokens["domain"] = self.token("admin", {"domain": {"id": "default"}})[0]

    def token(self, user, scope):
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"id": "default"}, "password": self.password}}}
        auth = {"identity": identity, **({"scope": scope} if scope else {"scope": "unscoped"})}
        headers, answer = self.call("POST", "/auth/tokens", {"auth": auth}, {})
        return headers["X-Subject-Token"], answer["token"]

    def call(self, method, path, body, headers):
        request = urllib.request.Request(self.keystone + path, None if body is None else json.dumps(body).encode(),
                                         {"Content-Type": "application/json", **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.headers, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as refused:
            raise StackError(f"Keystone: {method} {path}: {refused.code} {refused.read()[:300]}") from None

    def sql(self, side, statement):
        """Rows of a statement in a side's database."""
        with pymysql.connect(host="127.0.0.1", port=self.mysql_port, user="themis", password="themis", database=side,
                             autocommit=True) as db:
            with db.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

    # ---- processes

    def output(self, name):
        log = open(self.dir / "log" / f"{name}.out", "ab")
        return {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, "start_new_session": True}

    def run(self, name, *words):
        done = subprocess.run([str(word) for word in words], timeout=DEADLINE_S, **self.output(name))
        if done.returncode:
            raise StackError(f"{name} failed; see {self.dir}/log/{name}.out")

    def start(self, name, *words, env=None):
        self.processes[name] = subprocess.Popen([str(word) for word in words], env={**os.environ, **(env or {})}, **self.output(name))

    def answers(self, name, url):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if self.processes[name].poll() is not None:
                raise StackError(f"{name} ended; see {self.dir}/log/{name}.out")
            try:
                urllib.request.urlopen(url, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise StackError(f"{name} does not answer; see {self.dir}/log/{name}.out")


def free_ports(count):
    """Below the range from which outgoing connections get theirs, or one of them might be there first."""
    held = []
    while len(held) < count:
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", random.randint(20000, 31000)))
            held.append(one)
        except OSError:
            one.close()
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def signal_group(process, number):
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
