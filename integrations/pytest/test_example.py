"""What tests with the fixture look like; the client here is `requests`, yours takes its place."""

import pytest
import requests


def ask(kinglet, name, path, **body):
    method = "POST" if body else "GET"
    headers = {"Authorization": f"Bearer {kinglet.people[name].token}"}
    answer = requests.request(method, kinglet.url + path, json=body or None, headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


def test_a_post_reaches_its_readers(kinglet):
    posted = ask(kinglet, "alice", "/api/v1/statuses", status="Hello from pytest")
    public = requests.get(f"{kinglet.url}/api/v1/timelines/public", timeout=10).json()
    assert public[0]["id"] == posted["id"]


# Each finds the server as it was at the start, whatever the others did.
@pytest.mark.parametrize("attempt", [1, 2])
def test_every_test_begins_anew(kinglet, attempt):
    public = requests.get(f"{kinglet.url}/api/v1/timelines/public", timeout=10).json()
    assert all("pytest" not in post["content"] for post in public)
    ask(kinglet, "alice", "/api/v1/statuses", status=f"pytest, attempt {attempt}")


def test_a_wrong_token_is_refused(kinglet):
    headers = {"Authorization": "Bearer nobody"}
    answer = requests.get(f"{kinglet.url}/api/v1/timelines/home", headers=headers, timeout=10)
    assert answer.status_code == 401
