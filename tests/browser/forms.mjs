// node forms.mjs BASE: sends each form of the website and reads back through the API what came of it.

import { Api } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base] = process.argv.slice(2);
const passwords = { ana: 'a password of ana', ben: 'a password of ben', carl: 'a password of carl' };

const report = new Report();
const browser = await openChromium();
const anyone = new Api(base);
const ana = await Visitor.arrive(browser, base, report);
let ben, carl, anaApi, benApi, carlApi, post, answer;

/** The card of a post on the page that is open. */
const card = (visitor, { id }) => visitor.page.locator(`article#p-${id}`);
/** Presses the one button on the page's main part that leads to this address. */
const act = (visitor, action, within = visitor.main()) =>
  visitor.press(within.locator(`[formaction="${action}"]`).first());
const pageOf = ({ account, id }) => `/@${account.username}/${id}`;
const textOf = ({ content }) => content.replaceAll(/<[^>]*>/g, '');

await report.step('sign up', async () => {
  await ana.open('/signup');
  await ana.fill({ username: 'ana', email: 'ana@example.org', password: passwords.ana, password_confirmation: 'another' });
  await ana.fill({ agreement: true });
  const refused = await ana.press(ana.main().getByRole('button', { name: 'Sign up' }));
  assert(refused >= 400 && refused < 500, `passwords that differ are refused, not ${refused}`);
  assertEqual(await ana.main().locator('[name=username]').inputValue(), 'ana', 'what was typed stays');
  await ana.signUp('ana', passwords.ana);
  assertEqual((await anyone.account('ana')).username, 'ana', 'the account');
  ben = await Visitor.signedUp(browser, base, report, 'ben', passwords.ben);
  carl = await Visitor.signedUp(browser, base, report, 'carl', passwords.carl);
});

await report.step('log out', async () => {
  if (!(await ana.isSignedIn())) await ana.logIn('ana', passwords.ana);
  assert(await ana.isSignedIn(), 'a session was there');
  await ana.logOut();
  assert(!(await ana.isSignedIn()), 'the session is gone');
  await ana.open('/settings/account');
  assert(await ana.isAskedToLogIn(), 'settings ask for a log-in');
});

await report.step('log in', async () => {
  await ana.open('/login?return_to=/settings/profile');
  const refused = await ana.logIn('ana', 'a wrong password');
  assert(refused >= 400 && refused < 500, `a wrong password is refused, not ${refused}`);
  await ana.logIn('ana@example.org', passwords.ana);
  assertEqual(ana.path, '/settings/profile', 'where it leads');
  anaApi = await ana.allow('Reader of ana');
  assertEqual((await anaApi.me()).username, 'ana', 'whose session it is');
  benApi = await ben.allow('Reader of ben');
  carlApi = await carl.allow('Reader of carl');
});

await report.step('compose', async () => {
  await ana.open('/compose');
  await ana.main().locator('summary').click();
  await ana.fill({
    status: 'The goldcrest weighs five grams. #birds <b>&amp; no tag</b>',
    spoiler_text: 'Small birds',
    language: 'en',
    visibility: 'unlisted',
  });
  await ana.press(ana.main().locator('.compose-foot button'));
  post = await anaApi.newestPost('ana');
  assertEqual(ana.path, pageOf(post), 'where it leads');
  assert(textOf(post).startsWith('The goldcrest weighs five grams. #birds'), 'the text');
  assert(post.content.includes('&lt;b&gt;&amp;amp; no tag&lt;/b&gt;'), 'typed marks stay text');
  assertEqual(post.spoiler_text, 'Small birds', 'the content warning');
  assertEqual(post.language, 'en', 'the language');
  assertEqual(post.visibility, 'unlisted', 'the visibility');
  assertEqual(post.tags.map(({ name }) => name), ['birds'], 'the tags');
});

await report.step('compose at home', async () => {
  await ben.open('/');
  await ben.fill({ status: 'Written at home.' });
  await ben.press(ben.main().locator('.compose-foot button'));
  assertEqual(textOf(await benApi.newestPost('ben')), 'Written at home.', 'the text');
});

await report.step('compose nothing', async () => {
  const before = await benApi.newestPost('ben');
  await ben.open('/compose');
  await ben.fill({ status: '   ' });
  const refused = await ben.press(ben.main().locator('.compose-foot button'));
  assert(refused >= 400 && refused < 500, `an empty post is refused, not ${refused}`);
  assertEqual((await benApi.newestPost('ben')).id, before.id, 'the newest post');
});

await report.step('reply', async () => {
  await ben.open(pageOf(post));
  const form = ben.page.locator('#reply form');
  await form.locator('[name=status]').fill('@ana As much as a coin!');
  await ben.press(form.locator('.compose-foot button'));
  const { descendants } = await anaApi.get(`/api/v1/statuses/${post.id}/context`);
  [answer] = descendants;
  assertEqual(descendants.map(textOf), ['@ana As much as a coin!'], 'the replies');
  assertEqual(answer.in_reply_to_id, post.id, 'what it answers');
  assertEqual(answer.mentions.map(({ acct }) => acct), ['ana'], 'whom it names');
});

const marks = [
  ['favourite', 'favourited', 'favourites_count'],
  ['boost', 'reblogged', 'reblogs_count'],
  ['bookmark', 'bookmarked', null],
];
for (const [name, mark, count] of marks) {
  await report.step(name, async () => {
    await ben.open(pageOf(post));
    await act(ben, `/posts/${post.id}/${name}`, card(ben, post));
    assert(ben.page.url().endsWith(`#p-${post.id}`), 'the reader stays at the post');
    const marked = await benApi.get(`/api/v1/statuses/${post.id}`);
    assertEqual(marked[mark], true, mark);
    if (count) assertEqual(marked[count], 1, count);
  });
  await report.step(`un${name}`, async () => {
    await ben.open(pageOf(post));
    await act(ben, `/posts/${post.id}/un${name}`, card(ben, post));
    const unmarked = await benApi.get(`/api/v1/statuses/${post.id}`);
    assertEqual(unmarked[mark], false, mark);
    if (count) assertEqual(unmarked[count], 0, count);
  });
}

await report.step('edit post', async () => {
  await ana.open(pageOf(post));
  await card(ana, post).locator('summary[aria-label=More]').click();
  await card(ana, post).getByRole('link', { name: 'Edit' }).click();
  await ana.page.waitForURL(`**/posts/${post.id}/edit`);
  assert((await ana.main().locator('[name=status]').inputValue()).startsWith('The goldcrest'), 'the form holds the text');
  await ana.fill({ status: 'The goldcrest weighs six grams.' });
  await ana.press(ana.main().locator('.compose-foot button'));
  const edited = await benApi.get(`/api/v1/statuses/${post.id}`);
  assertEqual(textOf(edited), 'The goldcrest weighs six grams.', 'the text');
  assert(edited.edited_at, 'it says that it was edited');
  const versions = await benApi.get(`/api/v1/statuses/${post.id}/history`);
  assertEqual(versions.length, 2, 'versions');
});

await report.step('delete post', async () => {
  await ben.open(`/posts/${answer.id}/delete`);
  await ben.press(ben.main().getByRole('button', { name: 'Delete' }));
  assertEqual(await benApi.status(`/api/v1/statuses/${answer.id}`), 404, 'status');
});

await report.step('edit profile', async () => {
  await ana.open('/settings/profile');
  await ana.fill({
    display_name: 'Ana & Gram',
    note: 'Watches #birds.',
    field_name_0: 'Pronouns',
    field_value_0: 'she',
    bot: true,
    discoverable: true,
    default_visibility: 'private',
    default_language: 'en',
  });
  await ana.press(ana.main().getByRole('button', { name: 'Save' }));
  const me = await anaApi.me();
  assertEqual(me.display_name, 'Ana & Gram', 'the display name');
  assertEqual(me.source.note, 'Watches #birds.', 'the note');
  assertEqual(me.source.fields.map(({ name, value }) => [name, value]), [['Pronouns', 'she']], 'the fields');
  assertEqual([me.bot, me.locked, me.discoverable], [true, false, true], 'bot, locked, discoverable');
  assertEqual([me.source.privacy, me.source.language], ['private', 'en'], 'the defaults of posts');
  await ana.open('/settings/profile');
  await ana.fill({ bot: false, default_visibility: 'public' });
  await ana.press(ana.main().getByRole('button', { name: 'Save' }));
  assertEqual((await anaApi.me()).bot, false, 'a box that is unchecked');
});

await report.step('follow', async () => {
  await ben.open('/@ana');
  await act(ben, '/@ana/follow');
  assertEqual(ben.path, '/@ana', 'the reader stays');
  assertEqual((await benApi.relationship('ana')).following, true, 'following');
  const home = await benApi.get('/api/v1/timelines/home');
  assert(home.some(({ id }) => id === post.id), 'the post is in the home timeline');
});

await report.step('unfollow', async () => {
  await ben.open('/@ana');
  await act(ben, '/@ana/unfollow');
  assertEqual((await benApi.relationship('ana')).following, false, 'following');
});

for (const [name, mark] of [['mute', 'muting'], ['block', 'blocking']]) {
  for (const [action, wanted] of [[name, true], [`un${name}`, false]]) {
    await report.step(action, async () => {
      await ben.open('/@ana');
      const button = ben.main().locator(`[formaction="/@ana/${action}"]`).first();
      if (!(await button.isVisible())) await ben.main().locator('header summary').click();
      await ben.press(button);
      assertEqual((await benApi.relationship('ana'))[mark], wanted, mark);
    });
  }
}

await report.step('lists of the blocked and the muted', async () => {
  for (const [name, page] of [['mute', '/settings/mutes'], ['block', '/settings/blocks']]) {
    await benApi.post(`/api/v1/accounts/${(await anyone.account('carl')).id}/${name}`);
    await ben.open(page);
    assertEqual(await ben.main().locator('article a.who').count(), 1, `people at ${page}`);
    await benApi.post(`/api/v1/accounts/${(await anyone.account('carl')).id}/un${name}`);
  }
});

await report.step('ask to follow', async () => {
  await carl.open('/settings/profile');
  await carl.fill({ locked: true });
  await carl.press(carl.main().getByRole('button', { name: 'Save' }));
  assertEqual((await carlApi.me()).locked, true, 'locked');
  for (const visitor of [ana, ben]) {
    await visitor.open('/@carl');
    await act(visitor, '/@carl/follow');
  }
  assertEqual((await benApi.relationship('carl')).requested, true, 'requested');
  const waiting = await carlApi.get('/api/v1/follow_requests');
  assertEqual(waiting.map(({ acct }) => acct).sort(), ['ana', 'ben'], 'who waits');
});

await report.step('accept a follower', async () => {
  await carl.open('/notifications?only=requests');
  await act(carl, `/follow-requests/${(await anyone.account('ben')).id}/accept`);
  assertEqual((await benApi.relationship('carl')).following, true, 'following');
});

await report.step('reject a follower', async () => {
  await carl.open('/notifications?only=requests');
  await act(carl, `/follow-requests/${(await anyone.account('ana')).id}/reject`);
  const { following, requested } = await anaApi.relationship('carl');
  assertEqual([following, requested], [false, false], 'following, requested');
  assertEqual(await carlApi.get('/api/v1/follow_requests'), [], 'who waits');
});

await report.step('clear notifications', async () => {
  await benApi.post('/api/v1/statuses', { status: '@ana Have you heard the firecrest?' });
  assert((await anaApi.get('/api/v1/notifications')).length > 0, 'there are some');
  await ana.open('/notifications');
  await act(ana, '/notifications/read');
  const { notifications } = await anaApi.get('/api/v1/markers?timeline[]=notifications');
  assert(notifications, 'how far it was read is known');
  await ana.open('/notifications');
  await act(ana, '/notifications/clear');
  assertEqual(await anaApi.get('/api/v1/notifications'), [], 'notifications');
});

await report.step('search', async () => {
  await anaApi.post('/api/v1/statuses', { status: 'Firecrests are rarer. #crests 日本語の東京です' });
  const found = await anaApi.newestPost('ana');
  for (const query of ['rarer firecrests', '東京']) {
    await ben.open('/search');
    await ben.fill({ q: query });
    await ben.main().getByRole('button', { name: 'Search' }).click();
    await ben.page.waitForURL('**/search?q=*');
    assertEqual(await card(ben, found).count(), 1, `posts for ${query}`);
    const { statuses } = await benApi.get(`/api/v2/search?q=${encodeURIComponent(query)}`);
    assertEqual(statuses.map(({ id }) => id), [found.id], `the API's posts for ${query}`);
  }
  await ben.open('/search?q=ana&type=accounts');
  assert((await ben.main().locator('a.who[href="/@ana"]').count()) > 0, 'the account is found');
  await ben.open('/search?q=crests&type=hashtags');
  assertEqual(await ben.main().locator('.tag-list a').count(), 1, 'tags');
  const stranger = await Visitor.arrive(browser, base, report);
  await stranger.open('/');
  await stranger.page.locator('.rail [name=q]').fill('firecrests');
  await stranger.page.locator('.rail [name=q]').press('Enter');
  await stranger.page.waitForURL('**/search?q=firecrests');
  await stranger.leave();
});

await report.step('revoke a session', async () => {
  const elsewhere = await Visitor.arrive(browser, base, report);
  await elsewhere.logIn('ana', passwords.ana);
  assert(await elsewhere.isSignedIn(), 'another session is there');
  await ana.open('/settings/sessions');
  await ana.press(ana.main().locator('[formaction^="/settings/sessions/"]').first());
  assert(!(await elsewhere.isSignedIn()), 'the other session is gone');
  assert(await ana.isSignedIn(), 'this one is not');
  await elsewhere.leave();
});

await report.step('revoke an app', async () => {
  const api = await ana.allow('Guest of ana');
  assertEqual(await api.status('/api/v1/accounts/verify_credentials'), 200, 'before');
  await ana.open('/settings/sessions');
  await ana.press(ana.main().getByRole('button', { name: 'Revoke Guest of ana' }));
  assertEqual(await api.status('/api/v1/accounts/verify_credentials'), 401, 'after');
  assertEqual(await anaApi.status('/api/v1/accounts/verify_credentials'), 200, 'the other app');
});

await report.step('ask for an archive', async () => {
  await ana.open('/settings/account');
  await ana.fill({ archive_password: 'a wrong one' });
  const button = ana.main().getByRole('button', { name: 'Ask for an archive' });
  const refused = await ana.press(button);
  assert(refused >= 400 && refused < 500, `a wrong password is refused, not ${refused}`);
  await ana.open('/settings/account');
  await ana.fill({ archive_password: passwords.ana });
  await ana.press(button);
  assertEqual(ana.path, '/settings/account', 'where it leads');
});

await report.step('bring an archive along', async () => {
  const note = {
    id: 'https://there.example/users/ana/statuses/1',
    type: 'Note',
    published: '2019-05-06T07:08:09Z',
    to: ['https://www.w3.org/ns/activitystreams#Public'],
    content: '<p>Brought along</p>',
  };
  const outbox = { type: 'OrderedCollection', orderedItems: [{ id: `${note.id}/activity`, type: 'Create', published: note.published, to: note.to, object: note }] };
  const file = { name: 'outbox.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(outbox)) };
  await ana.open('/settings/account');
  await ana.main().getByRole('link', { name: 'Bring an archive along' }).click();
  await ana.page.waitForURL('**/settings/import');
  const upload = async (password, buffer = file.buffer) => {
    await ana.fill({ import_password: password });
    await ana.main().locator('[name=archive]').setInputFiles({ ...file, buffer });
    return ana.press(ana.main().getByRole('button', { name: 'Upload' }));
  };
  await upload(passwords.ana);
  assertEqual(ana.path, '/settings/import', 'where it leads');
  // The page looks again by itself.
  await ana.main().getByText('It is taken in.', { exact: true }).waitFor();
  assertEqual(await ana.main().getByText('posts and boosts: 1 imported').count(), 1, 'the report');
  const { id } = await anaApi.me();
  const posts = await anaApi.get(`/api/v1/accounts/${id}/statuses?limit=40`);
  const brought = posts.find((post) => textOf(post) === 'Brought along');
  assertEqual(brought?.created_at, '2019-05-06T07:08:09.000Z', 'its date');
  await upload(passwords.ana);
  await ana.main().getByText('were imported before').waitFor();
  // One that takes a while is cancelled.
  const item = (number) => {
    const own = { ...note, id: `${note.id}${number}`, content: `<p>Many ${number}</p>` };
    return { ...outbox.orderedItems[0], id: `${own.id}/activity`, object: own };
  };
  const many = { ...outbox, orderedItems: Array.from({ length: 20_000 }, (_, number) => item(number)) };
  await upload(passwords.ana, Buffer.from(JSON.stringify(many)));
  await ana.press(ana.main().getByRole('button', { name: 'Cancel' }));
  assertEqual(await ana.main().getByText('You cancelled it.').count(), 1, 'what it says then');
});

await report.step('change password', async () => {
  const elsewhere = await Visitor.arrive(browser, base, report);
  await elsewhere.logIn('ben', passwords.ben);
  const change = { current_password: passwords.ben, password: 'a new one of ben', password_confirmation: 'a new one of ben' };
  await ben.open('/settings/account');
  await ben.fill({ ...change, current_password: 'a wrong one' });
  const button = ben.main().getByRole('button', { name: 'Change password' });
  const refused = await ben.press(button);
  assert(refused >= 400 && refused < 500, `a wrong password is refused, not ${refused}`);
  assert(await elsewhere.isSignedIn(), 'and changes nothing');
  await ben.open('/settings/account');
  await ben.fill(change);
  await ben.press(button);
  assert(await ben.isSignedIn(), 'this session goes on');
  assert(!(await elsewhere.isSignedIn()), 'the other one has ended');
  const old = await elsewhere.logIn('ben', passwords.ben);
  assert(old >= 400 && old < 500, `the old password is refused, not ${old}`);
  await elsewhere.logIn('ben', 'a new one of ben');
  const api = await elsewhere.allow('Reader of ben after all');
  assertEqual((await api.me()).username, 'ben', 'whose session it is');
  await elsewhere.leave();
});

await report.step('without a complaint of the browser', async () => {
  const complaints = [ana, ben, carl].flatMap((visitor) => visitor?.complaints ?? []);
  assertEqual(complaints, [], 'complaints');
});

await browser.close();
report.end();
