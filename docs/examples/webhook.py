"""Prints every alert that Alertmanager sends: time, receiver, status, name, summary.

    python3 webhook.py [PORT]
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            print(time.strftime("%H:%M:%S"), self.path.strip("/"), alert["status"], alert["labels"]["alertname"],
                  "-", alert["annotations"].get("summary", ""), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Leaves out the line of each request."""


HTTPServer(("127.0.0.1", int((sys.argv[1:] or ["18080"])[0])), Webhook).serve_forever()
