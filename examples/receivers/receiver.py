# pip install standardwebhooks
# SECRET=whsec_... python3 receiver.py 8081
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            call = Webhook(os.environ["SECRET"]).verify(body, dict(self.headers))
            status, answer = 200, {"task": {"Company Name": call["task"]["Company Name"].upper()}}
        except WebhookVerificationError as error:
            status, answer = 401, {"message": str(error)}
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
