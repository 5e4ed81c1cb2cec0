"""nova.py PORT: answers the one question that the API asks of Nova, and the engine's listing, on 127.0.0.1.

A real nova-api needs two databases and minutes to make them; the fuzzer needs only that some hosts are known: those whose
names begin with `compute-`. Everything else is 404, as for instances that do not exist. The lab has the real Nova.
"""
import http.server
import json
import sys
import urllib.parse


class Nova(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if not url.path.endswith("/os-services"):
            return self.answer(404, {"itemNotFound": {"code": 404, "message": "not found"}})
        host = urllib.parse.parse_qs(url.query).get("host", ["compute-1"])[0]
        service = {"id": "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b", "host": host, "binary": "nova-compute", "state": "up",
                   "status": "enabled", "forced_down": False, "disabled_reason": None, "updated_at": None}
        self.answer(200, {"services": [service] if host.startswith("compute-") else []})

    do_POST = do_PUT = do_GET

    def answer(self, status, body):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Nova).serve_forever()
