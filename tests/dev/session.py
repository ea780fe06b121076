"""A session with Mastodon.py, as a person who tries it out would write it: session.py URL LOGIN PASSWORD."""

import sys

from mastodon import Mastodon, MastodonIllegalArgumentError

url, login, password = sys.argv[1:]
client_id, client_secret = Mastodon.create_app("Prototype", api_base_url=url, scopes=["read", "write", "follow"])
mastodon = Mastodon(client_id=client_id, client_secret=client_secret, api_base_url=url)

try:
    mastodon.log_in(login, "a wrong password", scopes=["read", "write"], allow_http=True)
    raise SystemExit("a wrong password logs nobody in")
except MastodonIllegalArgumentError:
    pass
mastodon.log_in(login, password, scopes=["read", "write", "follow"], allow_http=True)

me = mastodon.account_verify_credentials()
assert me.username == "alice", me

post = mastodon.status_post("@bob The prototype speaks. #prototype", visibility="unlisted")
assert post.visibility == "unlisted" and post.account.id == me.id, post

home = mastodon.timeline_home(limit=40)
assert home[0].id == post.id, [status.id for status in home]
older = mastodon.fetch_next(mastodon.timeline_home(limit=5))
assert len(older) == 5 and older[0].id == home[5].id, "the second page follows the first"

kinds = {notification.type for notification in mastodon.notifications(limit=80)}
wanted = {"mention", "reblog", "favourite", "follow", "follow_request", "status", "update", "admin.sign_up"}
assert kinds == wanted, kinds

bob = mastodon.account_lookup("bob")
found = mastodon.search("goldcrest", result_type="statuses")
goldcrest = found.statuses[0]
assert mastodon.status_favourite(goldcrest.id).favourited
assert mastodon.status_context(goldcrest.id).descendants, "somebody answered"
assert mastodon.account_relationships(bob.id)[0].following
assert [account.username for account in mastodon.mutes()] == ["frank"]
assert [account.username for account in mastodon.blocks()] == ["mallory"]
assert [account.username for account in mastodon.follow_requests()] == ["dave"]
assert mastodon.bookmarks() and mastodon.favourites()
mastodon.status_delete(post.id)
assert mastodon.timeline_home(limit=1)[0].id != post.id
print("done")
