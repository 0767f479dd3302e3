"""A mail server (aiosmtpd) that writes each message that it takes into a folder, as Python's own parser reads it.

Its arguments: the folder, which also has server.pem and server.key; how it encrypts (starttls, tls or none); and perhaps a user and a
password that it asks for. It says its port on the standard output, and ends when the standard input does.
"""

import json
import pathlib
import socket
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder, security, *credentials = pathlib.Path(sys.argv[1]), *sys.argv[2:]


class Keep:
    taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 nobody is called so"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data and session.auth_data.login.decode(),
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "kind": message.get_content_type(),
            "parts": [[part.get_content_type(), part.get_content()] for part in parts],
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "raw": envelope.content.decode("ascii"),
        }
        Keep.taken += 1
        (folder / f"{Keep.taken}.json").write_text(json.dumps(told))
        return f"250 2.0.0 OK queued as {Keep.taken}"


def authenticate(server, session, envelope, mechanism, data):
    right = [data.login.decode(), data.password.decode()] == credentials
    return AuthResult(success=right, handled=False, auth_data=data)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "server.pem", folder / "server.key")
listener = socket.create_server(("127.0.0.1", 0))


class OnListener(Controller):
    """On a port that the system has chosen, so that nobody else can have it."""

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=listener, ssl=self.ssl_context)


controller = OnListener(
    Keep(),
    hostname="127.0.0.1",
    port=listener.getsockname()[1],
    ssl_context=context if security == "tls" else None,
    tls_context=context if security == "starttls" else None,
    require_starttls=security == "starttls",
    authenticator=authenticate if credentials else None,
    auth_required=bool(credentials),
    auth_require_tls=security == "starttls",
)
controller.start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
controller.stop()
