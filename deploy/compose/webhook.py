"""Prints a line for each alert that Alertmanager sends: receiver, status, name, summary."""

import http.server
import json


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        receiver = self.path.strip("/")
        for alert in notification["alerts"]:
            print(receiver, alert["status"], alert["labels"]["alertname"], alert["annotations"].get("summary", ""))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        """Leaves out the lines of the server itself."""


http.server.ThreadingHTTPServer(("", 18080), Webhook).serve_forever()
