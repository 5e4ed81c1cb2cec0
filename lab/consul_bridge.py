"""consul_bridge.py RUNTIME_DIR NETWORK=PORT...: shows this host's serf agents as Consul agents.

Masakari's host monitor with its Consul driver asks one Consul agent per network for `GET /v1/agent/members` and looks at
`Name` and `Status`. Consul's members are serf's; so are the numbers of Status. Each request asks the serf agent of that
network, which the host monitor of Themis supervises, by serf's own client; nothing is kept. A serf agent that does not answer
is 500, as a Consul agent's own failure is.
"""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

STATUS = {"none": 0, "alive": 1, "leaving": 2, "left": 3, "failed": 4}  # serf's MemberStatus, which Consul hands on
SERF_S = 5


def members(runtime_dir, network):
    """Consul's list of members, from the serf agent of this network."""
    settings = json.loads((pathlib.Path(runtime_dir) / f"serf-{network}.json").read_text())
    env = {"PATH": os.environ["PATH"], "SERF_RPC_ADDR": settings["rpc_addr"], "SERF_RPC_AUTH": settings["rpc_auth"]}
    out = subprocess.run(["serf", "members", "-format=json"], capture_output=True, text=True, timeout=SERF_S, check=True, env=env).stdout
    return [consul(member) for member in json.loads(out)["members"]]


def consul(member):
    """One member in Consul's words."""
    address, _, port = member["addr"].rpartition(":")
    return {"Name": member["name"], "Addr": address, "Port": int(port), "Tags": member["tags"], "Status": STATUS[member["status"]],
            "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}


def handler(runtime_dir, network):
    """The request handler of one agent."""
    class Agent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.partition("?")[0] != "/v1/agent/members":
                return self.answer(404, {"error": "only /v1/agent/members is served"})
            try:
                self.answer(200, members(runtime_dir, network))
            except (OSError, ValueError, KeyError, subprocess.SubprocessError) as e:
                self.answer(500, {"error": f"serf on {network}: {e}"})

        def answer(self, status, value):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Agent


def main(runtime_dir, *pairs):
    for pair in pairs:
        network, _, port = pair.partition("=")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler(runtime_dir, network))
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
