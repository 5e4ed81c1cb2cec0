"""nova_gate.py PORT NOVA_PORT ORDER LAB: between the engines and nova-api, at 127.0.0.1:PORT in the controller's namespace.

Transparent: every request goes to 127.0.0.1:NOVA_PORT and its answer back, streamed, headers and status unchanged but
for those that belong to one connection. Every evacuate request is printed, when Nova has answered, with the time it came,
server, engine's port and Nova's status, so the log tells what really reached Nova.

When the file ORDER says `crash-leader`, the next evacuate request is forwarded, and when Nova has accepted it the leading
engine is killed (`LAB engine leader kill`) before a byte of that answer is passed on: the worst moment for an
engine to die, after the effect and before the record of it. The order is executed once.
"""
import http.client
import http.server
import os
import re
import subprocess
import sys
import threading
import time

PORT, NOVA_PORT, ORDER, LAB = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
NOVA_S = 90  # no request of Nova's takes longer; the engines give up long before
HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
EVACUATE = re.compile(rb'"evacuate"\s*:')
ONE_ORDER = threading.Lock()


def say(*words, at=None):
    print(f"{at or time.time():.6f}", *words, flush=True)


def take_order():
    """The order, if there is one; it is then gone."""
    with ONE_ORDER:
        try:
            with open(ORDER) as f:
                order = f.read().strip()
            os.unlink(ORDER)
        except FileNotFoundError:
            return None
        return order


class Gate(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = NOVA_S

    def forward(self):
        came = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        evacuate = self.command == "POST" and self.path.endswith("/action") and EVACUATE.search(body)
        nova = http.client.HTTPConnection("127.0.0.1", NOVA_PORT, timeout=NOVA_S)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
            nova.request(self.command, self.path, body=body or None, headers=headers)
            answer = nova.getresponse()
            if evacuate:
                say("evacuate", self.path.split("/")[-2], "from", self.client_address[1], "answer", answer.status, at=came)
                if answer.status < 300 and take_order() == "crash-leader":
                    self.crash_leader()
                    return
            self.pass_on(answer)
        except (OSError, http.client.HTTPException) as e:
            say(self.command, self.path, "failed:", repr(e))
        finally:
            nova.close()
            self.close_connection = True

    def crash_leader(self):
        """The connection is dropped: the request was answered, and nobody is left to hear it."""
        done = subprocess.run([LAB, "engine", "leader", "kill"], capture_output=True, text=True, timeout=30)
        say("killed" if done.returncode == 0 else "could not kill", (done.stdout + done.stderr).strip())

    def pass_on(self, answer):
        self.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in HOP:
                self.send_header(key, value)
        self.send_header("Connection", "close")
        self.end_headers()
        while part := answer.read(65536):
            self.wfile.write(part)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = forward

    def log_message(self, fmt, *args):
        pass  # what matters is printed by `say`


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", PORT), Gate).serve_forever()
