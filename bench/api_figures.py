"""api_figures.py [ROUNDS [SECONDS]]: the same requests to themis-api and to Debian's masakari-api, in alternating rounds.

Both: one MariaDB, each a database of its own with the same rows (one segment, 100 hosts, 1,000 notifications), real
Keystone tokens, RabbitMQ to tell an engine (none listens), 8 connections of one wrk, rate not limited.
Masakari: Debian's masakari-api with 2 workers (under uwsgi it stalls when one client keeps 8 connections busy),
`notification_delay_max = 0` (its default of 5 would make each POST wait 0 to 5 s), keystonemiddleware's token cache in the
process (the fastest that it has) for 300 s, its own default; see masakari_api.py. Themis: one process, its token cache for 300 s, its own default.
Logs of both go to a file at INFO.

Throughput per core: requests per CPU second of the API's own processes, MariaDB and wrk not counted. Memory: resident
memory of all its processes, summed, after the rounds. Idle CPU: of all its processes, without a request.
Writes bench/out/api.json. Exit status 1 when something could not be measured or a figure is missed.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from demo.labtool import Lab, LabError, until

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "out"
HOSTS, NOTIFICATIONS, CONNECTIONS, IDLE_S, WARM_S = 100, 1000, 8, 10, 1
SEGMENT = "11111111-1111-4111-8111-111111111111"
ONE = "22222222-2222-4222-8222-000000000001"
MASAKARI, THEMIS = "masakari", "themis"
SIDES = (MASAKARI, THEMIS)
PORTS = {MASAKARI: 15870, THEMIS: 15871}
REQUESTS = {"list of 100 hosts": ("GET", f"/segments/{SEGMENT}/hosts"),
            "show a host": ("GET", f"/segments/{SEGMENT}/hosts/{ONE}"),
            "list of 1,000 notifications": ("GET", "/notifications"),
            "create a notification": ("POST", "/notifications")}
# what is to be reached: Themis to Masakari
AT_LEAST_PER_CORE, AT_MOST_P99, AT_MOST_MEMORY = 10, 1 / 5, 1 / 8
TICKS = os.sysconf("SC_CLK_TCK")

MASAKARI_CONF = """
[DEFAULT]
transport_url = rabbit://openstack:{password}@127.0.0.1:{rabbit}/openstack
log_file = {dir}/masakari.log
notification_delay_max = 0
masakari_api_workers = 2
masakari_api_listen = 127.0.0.1
masakari_api_listen_port = {port}
[wsgi]
api_paste_config = /etc/masakari/api-paste.ini
[database]
connection = mysql+pymysql://themis:{password}@127.0.0.1:{db}/bench_masakari?charset=utf8
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:{keystone}
auth_url = http://127.0.0.1:{keystone}
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = themis
password = {password}
"""
THEMIS_CONF = """
[DEFAULT]
transport_url = rabbit://openstack:{password}@127.0.0.1:{rabbit}/openstack
control_exchange = themis_bench
log_file = {dir}/themis.log
[database]
connection = mysql+pymysql://themis:{password}@127.0.0.1:{db}/bench_themis?charset=utf8
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:{keystone}
auth_url = http://127.0.0.1:{keystone}
username = themis
password = {password}
[api]
listen = 127.0.0.1
port = {port}
[fencing]
key_file = {dir}/fencing.key
"""


class Bench:
    """Both services, started in the lab's controller namespace, with what is known of them."""

    def __init__(self):
        self.lab = Lab()
        self.dir = self.lab.dir / "bench"
        self.dir.mkdir(exist_ok=True)
        self.token = self.lab.cloud().token
        (self.dir / "token").write_text(self.token + "\n")
        self.password = self.lab.env["OS_PASSWORD"]
        self.started = {}

    # ---- setting up

    def fields(self, side):
        def port(url):
            return url.rsplit(":", 1)[1].split("/")[0]
        return {"password": self.password, "dir": self.dir, "port": PORTS[side], "db": port(self.lab.env["LAB_DB_URL"]),
                "rabbit": port(self.lab.env["LAB_TRANSPORT_URL"]), "keystone": port(self.lab.env["OS_AUTH_URL"])}

    def configure(self):
        """Configuration files, databases and their rows."""
        (self.dir / "masakari.conf").write_text(MASAKARI_CONF.format(**self.fields(MASAKARI)))
        (self.dir / "themis.conf").write_text(THEMIS_CONF.format(**self.fields(THEMIS)))
        for side in SIDES:
            self.sql(None, f"drop database if exists bench_{side}; create database bench_{side};"
                           f"grant all on bench_{side}.* to 'themis'@'%';")
        manage = [self.lab.env["THEMIS_BIN_DIR"] + "/themis-manage", "--config-file", self.dir / "themis.conf"]
        if not (self.dir / "fencing.key").exists():
            self.command(*manage, "keys", "create", self.dir / "fencing.key")
        self.command(*manage, "db", "sync")
        self.command("masakari-manage", "--config-file", self.dir / "masakari.conf", "db", "sync")
        for side in SIDES:
            self.sql(side, "\n".join(rows()))

    def sql(self, side, text):
        """Statements in one side's database."""
        self.lab.run("sql", *([f"bench_{side}"] if side else []), stdin=text, seconds=60)

    def command(self, *words):
        """A command that must succeed, on the controller."""
        self.lab.run("exec", "ctl", *map(str, words), seconds=120)

    def start(self):
        """Both services, and wait until they answer."""
        masakari = ["/usr/bin/python3", HERE / "masakari_api.py", "--config-file", self.dir / "masakari.conf"]
        themis = [self.lab.env["THEMIS_BIN_DIR"] + "/themis-api", "--config-file", self.dir / "themis.conf"]
        for side, command in ((MASAKARI, masakari), (THEMIS, themis)):
            with open(self.dir / f"{side}.out", "ab") as out:
                self.started[side] = subprocess.Popen(
                    ["ip", "netns", "exec", f"tl-{self.lab.env['LAB_ID']}-ctl", *map(str, command)], stdout=out, stderr=out,
                    stdin=subprocess.DEVNULL, start_new_session=True)
            until(f"{side}'s API", lambda: self.answers(side), 60)

    def stop(self):
        """Ends both."""
        for process in self.started.values():
            process.terminate()
        for process in self.started.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    # ---- asking

    def curl(self, side, method, path, body=None):
        """(status, JSON body) of one request, asked inside the controller's network."""
        words = ["curl", "-sS", "-m", "20", "-X", method, "-w", "\n%{http_code}", "-H", "@-", f"http://127.0.0.1:{PORTS[side]}/v1{path}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        text = self.lab.run("exec", "ctl", *words, stdin=f"X-Auth-Token: {self.token}\n", seconds=30)
        answer, _, status = text.rpartition("\n")
        return int(status), json.loads(answer or "null")

    def answers(self, side):
        """Whether it serves a request that needs Keystone and the database."""
        if self.started[side].poll() is not None:
            raise LabError(f"{side}'s API ended; see {self.dir}/{side}.out")
        try:
            return self.curl(side, "GET", "/segments")[0] == 200
        except (LabError, ValueError):
            return False

    def same(self):
        """Both give the same answers to what will be measured; LabError when not."""
        for name, (method, path) in REQUESTS.items():
            seen = []
            for side in SIDES:
                body = notification(name) if method == "POST" else None
                status, answer = self.curl(side, method, path, body)
                (value,) = answer.values()
                seen.append((status, len(value) if isinstance(value, list) else [k for k in value if k not in NEWER]))
            if seen[0] != seen[1]:
                raise LabError(f"{name}: masakari answers {seen[0]}, themis {seen[1]}")
            self.reset()

    def reset(self):
        """The notifications of both as they were."""
        for side in SIDES:
            self.sql(side, f"delete from notifications where id > {NOTIFICATIONS};")

    # ---- measuring

    def pids(self, side):
        """All processes of a side (a session of its own)."""
        session = self.started[side].pid
        return [int(p.name) for p in pathlib.Path("/proc").glob("[0-9]*") if session_of(p) == session]

    def cpu(self, side):
        """CPU seconds that its processes have used."""
        return sum(cpu_of(pid) for pid in self.pids(side))

    def load(self, side, name, seconds, run):
        """One run of wrk: its figures, and what the side's processes used."""
        method, path = REQUESTS[name]
        words = ["wrk", "-t", "1", "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "20s", "-s", HERE / "load.lua",
                 f"http://127.0.0.1:{PORTS[side]}/v1{path}", "--", method, self.dir / "token", HOSTS, run]
        before, began = self.cpu(side), time.monotonic()
        text = self.lab.run("exec", "ctl", *map(str, words), seconds=seconds + 60)
        used, took = self.cpu(side) - before, time.monotonic() - began
        found = json.loads(text.splitlines()[-1])
        if found["bad_status"] or found["broken"] or not found["requests"]:
            raise LabError(f"{name} of {side}: {text}")
        return {"per_s": found["requests"] / found["seconds"], "per_core": found["requests"] / used, "cores": used / took,
                "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"]}

    def memory(self, side):
        """(resident, proportional) memory of its processes in MiB."""
        rss = pss = 0
        for pid in self.pids(side):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1])
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1])
        return rss / 1024, pss / 1024

    def idle(self):
        """CPU of each side without a request, in percent of one core."""
        before = {side: self.cpu(side) for side in SIDES}
        time.sleep(IDLE_S)
        return {side: (self.cpu(side) - before[side]) * 100 / IDLE_S for side in SIDES}


NEWER = ("failover_segment_uuid", "message")  # keys of a notification that Debian's release does not have yet


def rows():
    """SQL for the rows that both databases begin with."""
    yield (f"insert into failover_segments (created_at, uuid, name, service_type, recovery_method, enabled, deleted) "
           f"values (utc_timestamp(), '{SEGMENT}', 'bench', 'COMPUTE', 'auto', 1, 0);")
    for n in range(1, HOSTS + 1):
        yield (f"insert into hosts (created_at, uuid, name, reserved, type, control_attributes, failover_segment_id, "
               f"on_maintenance, deleted) values (utc_timestamp(), '22222222-2222-4222-8222-{n:012}', 'bench-{n}', 0, "
               f"'COMPUTE', 'SSH', '{SEGMENT}', 0, 0);")
    for n in range(1, NOTIFICATIONS + 1):
        payload = json.dumps({"event": "STOPPED", "process_name": f"seed-{n}"})
        yield (f"insert into notifications (created_at, notification_uuid, generated_time, source_host_uuid, type, payload, "
               f"status, deleted) values (utc_timestamp(), '33333333-3333-4333-8333-{n:012}', "
               f"utc_timestamp() - interval {n} minute, '22222222-2222-4222-8222-{n % HOSTS + 1:012}', 'PROCESS', "
               f"'{payload}', 'finished', 0);")


def notification(word):
    """A body that neither side has seen."""
    return {"notification": {"type": "PROCESS", "hostname": "bench-1", "generated_time": time.strftime("%FT%T", time.gmtime()),
                             "payload": {"event": "STOPPED", "process_name": word}}}


def session_of(path):
    """The session of a process; None when it is gone."""
    try:
        return int((path / "stat").read_text().rpartition(") ")[2].split()[3])
    except (OSError, IndexError):
        return None


def cpu_of(pid):
    """CPU seconds of a process and of its children that ended; 0 when it is gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0
    return sum(map(int, stat[11:15])) / TICKS


def measure(bench, rounds, seconds):
    """{request: {side: [figures of each round]}}"""
    found = {name: {side: [] for side in SIDES} for name in REQUESTS}
    for name in REQUESTS:
        for side in SIDES:
            bench.load(side, name, WARM_S, "warm")
    for n in range(rounds):
        for name in REQUESTS:
            for side in SIDES if n % 2 == 0 else reversed(SIDES):
                bench.reset()
                found[name][side].append(bench.load(side, name, seconds, f"round-{n}"))
        print(f"  round {n + 1} of {rounds}", flush=True)
    return found


def table(found, memory, idle):
    """The lines that are printed, and what was missed."""
    missed = []
    print(f"\n  {'':28}{'':>10}{'req/s':>10}{'req/core-s':>12}{'p50 ms':>9}{'p99 ms':>9}")
    for name, sides in found.items():
        middle = {side: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for side, runs in sides.items()}
        for side in SIDES:
            m = middle[side]
            print(f"  {name if side == MASAKARI else '':28}{side:>10}{m['per_s']:10.0f}{m['per_core']:12.0f}{m['p50_ms']:9.2f}{m['p99_ms']:9.2f}")
        per_core = middle[THEMIS]["per_core"] / middle[MASAKARI]["per_core"]
        p99 = middle[THEMIS]["p99_ms"] / middle[MASAKARI]["p99_ms"]
        verdict(missed, f"{name}: throughput per core", per_core, per_core >= AT_LEAST_PER_CORE, f"at least {AT_LEAST_PER_CORE}")
        verdict(missed, f"{name}: p99", p99, p99 <= AT_MOST_P99, f"at most {AT_MOST_P99:.3f}")
    for side in SIDES:
        print(f"  {'memory of all its processes':28}{side:>10}{memory[side][0]:8.1f} MiB resident, {memory[side][1]:.1f} MiB proportional")
    ratio = memory[THEMIS][0] / memory[MASAKARI][0]
    verdict(missed, "memory", ratio, ratio <= AT_MOST_MEMORY, f"at most {AT_MOST_MEMORY:.3f}")
    for side in SIDES:
        print(f"  {'idle CPU':28}{side:>10}{idle[side]:8.2f} % of a core")
    return missed


def verdict(missed, what, ratio, good, bound):
    """Prints one ratio and keeps it when it is missed."""
    print(f"  {'':28}{'ratio':>10}  {ratio:.3f} {what.rpartition(': ')[2]}: {'within' if good else 'MISSED'} ({bound})")
    if not good:
        missed.append(f"{what}: {ratio:.3f}, to reach {bound}")


def main(rounds=3, seconds=4):
    bench = Bench()
    began = time.monotonic()
    try:
        bench.configure()
        bench.start()
        bench.same()
        found = measure(bench, rounds, seconds)
        memory = {side: bench.memory(side) for side in SIDES}
        time.sleep(2)
        idle = bench.idle()
    finally:
        bench.stop()
    missed = table(found, memory, idle)
    OUT.mkdir(exist_ok=True)
    (OUT / "api.json").write_text(json.dumps({
        "schema": 1, "when": time.strftime("%FT%TZ", time.gmtime()), "rounds": rounds, "seconds": seconds, "connections": CONNECTIONS,
        "requests": found, "memory_mib": {s: dict(zip(("resident", "proportional"), m)) for s, m in memory.items()},
        "idle_cpu_percent": idle, "missed": missed}, indent=2) + "\n")
    print(f"\n  measured in {time.monotonic() - began:.0f} s; " + (f"MISSED: {'; '.join(missed)}" if missed else "every figure reached"))
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except (LabError, SystemExit) as e:
        sys.exit(e.code if isinstance(e, SystemExit) and isinstance(e.code, int) else f"not measured: {e}")
