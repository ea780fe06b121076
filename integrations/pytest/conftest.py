"""A real microblog server for your tests.

Put this file beside your tests (or append it to the conftest.py that is there), and ask for the fixture:

    def test_home(kinglet):
        alice = kinglet.people["alice"]
        client = YourClient(kinglet.url, token=alice.token)

The server starts once for each worker (kinglet's `cargo run --release --example dev_start` measures how fast), and is as at its
beginning again before each test: the same people, posts, ids and tokens. It needs the program `kinglet`, on the PATH or where the variable KINGLET says, and nothing
else than Python 3.9 and pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import urllib.request
from dataclasses import dataclass, field

import pytest

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 10


@dataclass(frozen=True)
class Person:
    """Somebody with an account on the server."""

    name: str
    id: str
    email: str
    password: str
    token: str


@dataclass
class Kinglet:
    """A running server."""

    url: str
    people: dict[str, Person] = field(default_factory=dict)

    def order(self, what: str, **parameters) -> None:
        """Gives the server an order of /api/kinglet/v1/dev/, such as `kinglet.order("reset")`."""
        request = urllib.request.Request(
            f"{self.url}/api/kinglet/v1/dev/{what}",
            data=json.dumps(parameters).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=START_SECONDS_MAX) as answer:
            answer.read()

    def reset(self) -> None:
        """Makes everything as it was at the start."""
        self.order("reset")


@pytest.fixture(scope="session")
def kinglet_server():
    """The server, as the tests before left it."""
    command = [os.environ.get("KINGLET", "kinglet"), "dev", "--json", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    # A start that hangs ends the wait for its line.
    too_late = threading.Timer(START_SECONDS_MAX, process.kill)
    too_late.start()
    try:
        line = process.stdout.readline()
        too_late.cancel()
        if not line.endswith("\n"):
            pytest.fail(f"{' '.join(command)} didn't start; exit code {process.wait()}", pytrace=False)
        about = json.loads(line)
        known = Person.__dataclass_fields__
        people = [Person(**{key: person[key] for key in known}) for person in about["people"]]
        yield Kinglet(about["url"], {person.name: person for person in people})
    finally:
        too_late.cancel()
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.fixture
def kinglet(kinglet_server):
    """The server as it was at the start."""
    kinglet_server.reset()
    return kinglet_server
