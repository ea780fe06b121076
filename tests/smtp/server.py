"""A mail server that behaves as it is told, and shows what it was given.

It listens on 127.0.0.1 and writes a line of JSON for everything that happens: first {"event": "listening", "port": ...},
then "connected", "turned_away" (with the code), "hesitates", and "taken" (with envelope, headers, parts, and the message as it came).

What it does depends on the recipient's local part, up to the first digit or hyphen:

    greylisted   451 4.7.1 the first time that this recipient is to get this message, then it is taken
    gone         550 5.1.1: there is no such recipient
    spam         554 5.7.1 after the content
    slow         taken, after a while
    any other    taken
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import os
import random
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

# Ports that the system gives nobody by itself, so that a server that was stopped finds its own free again.
PORTS = range(20000, 32000)
PORT_TRIES_MAX = 100
MESSAGE_BYTES_MAX = 1_000_000


class Record:
    """Where the lines go: to standard output, or to the end of a file that is on the disk before anybody is answered."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "a", encoding="ascii") if path else sys.stdout

    def add(self, event, **facts):
        self.file.write(json.dumps({"event": event, **facts}) + "\n")
        self.file.flush()
        if self.path:
            os.fsync(self.file.fileno())


def manner_of(address):
    return re.match(r"[a-z]*", address.partition("@")[0]).group()


def described(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    bodies = [part for part in message.walk() if not part.is_multipart()]
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "parts": [[part.get_content_type(), part.get_content()] for part in bodies],
        "faults": [repr(fault) for part in message.walk() for fault in part.defects],
        "raw": content.decode("latin-1"),
    }


class Mailbox:
    """What aiosmtpd asks about each mail."""

    def __init__(self, record, slow_secs):
        self.record = record
        self.slow_secs = slow_secs
        self.seen = set()

    def turn_away(self, answer, to):
        self.record.add("turned_away", code=int(answer[:3]), to=to)
        return answer

    async def handle_RCPT(self, server, session, envelope, address, options):
        if manner_of(address) == "gone":
            return self.turn_away("550 5.1.1 No such user here", address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        manner = manner_of(to)
        if manner == "spam":
            return self.turn_away("554 5.7.1 This is not wanted here", to)
        facts = described(envelope.content)
        if manner == "greylisted":
            message_id = dict(facts["headers"])["Message-ID"]
            if (to, message_id) not in self.seen:
                self.seen.add((to, message_id))
                return self.turn_away("451 4.7.1 Come back later", to)
        # Once it is all there it is taken, whether or not somebody still waits for the answer.
        await asyncio.shield(
            self.take(
                manner == "slow",
                sender=envelope.mail_from,
                to=envelope.rcpt_tos,
                tls=server.transport.get_extra_info("ssl_object") is not None,
                **facts,
            )
        )
        return "250 2.0.0 OK"

    async def take(self, is_slow, **facts):
        if is_slow:
            self.record.add("hesitates")
            await asyncio.sleep(self.slow_secs)
        self.record.add("taken", **facts)


class Announced(SMTP):
    """aiosmtpd that says when somebody connects."""

    def __init__(self, record, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.record = record

    def connection_made(self, transport):
        # The start of TLS is told as a connection as well.
        if self.transport is None:
            self.record.add("connected")
        super().connection_made(transport)


class Busy(asyncio.Protocol):
    """Hangs up on everybody."""

    def __init__(self, record):
        self.record = record

    def connection_made(self, transport):
        transport.write(b"421 4.3.2 Too busy\r\n")
        transport.close()
        self.record.add("turned_away", code=421, to=None)


class Silent(asyncio.Protocol):
    """Takes connections and never speaks."""

    def __init__(self, record):
        self.record = record

    def connection_made(self, transport):
        self.record.add("connected")


def turn_away(*_):
    return AuthResult(success=False, handled=False)


async def listen(loop, protocol, port, tls):
    if port:
        return await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)
    for _ in range(PORT_TRIES_MAX):
        try:
            return await loop.create_server(protocol, "127.0.0.1", random.choice(PORTS), ssl=tls)
        except OSError:
            continue
    raise SystemExit("no free port")


async def serve(options):
    loop = asyncio.get_running_loop()
    record = Record(options.log)
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)

    mailbox = Mailbox(record, options.slow_secs)

    def protocol():
        if options.manner == "busy":
            return Busy(record)
        if options.manner == "silent":
            return Silent(record)
        return Announced(
            record,
            mailbox,
            loop=loop,
            hostname="mail.test",
            data_size_limit=MESSAGE_BYTES_MAX,
            tls_context=tls if options.starttls else None,
            require_starttls=options.starttls,
            auth_require_tls=False,
            authenticator=turn_away if options.refuse_logins else None,
        )

    server = await listen(loop, protocol, options.port, None if options.starttls else tls)
    port = server.sockets[0].getsockname()[1]
    # Always on standard output, where somebody waits for it.
    print(json.dumps({"event": "listening", "port": port}), flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--log", help="a file that the lines are added to, instead of standard output")
    parser.add_argument("--manner", choices=["usual", "busy", "silent"], default="usual")
    parser.add_argument("--slow-secs", type=float, default=0.3)
    parser.add_argument("--certificate", help="a PEM file with key and certificate: TLS from the first byte")
    parser.add_argument("--starttls", action="store_true", help="TLS only after STARTTLS, and no mail without it")
    parser.add_argument("--refuse-logins", action="store_true", help="no password is the right one")
    # Clients that break off are what some tests are about.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
