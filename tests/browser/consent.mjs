// node consent.mjs BASE: lets applications in, at another origin, with a scheme of their own, by copying; and denies.

import http from 'node:http';

import { App, OUT_OF_BAND } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base] = process.argv.slice(2);
const NAME = 'ana';
const PASSWORD = 'a password of ana';

/** Another origin: takes codes, and tries to put the consent page into a frame of its own. */
async function otherOrigin() {
  const visits = [];
  const server = http.createServer((request, answer) => {
    const url = new URL(request.url, 'http://other.example');
    visits.push(url);
    answer.setHeader('content-type', 'text/html; charset=utf-8');
    const framed = url.searchParams.get('frame');
    answer.end(framed ? `<iframe src="${framed.replaceAll('&', '&amp;')}"></iframe>` : '<h1>Welcome back</h1>');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { server, visits, origin: `http://127.0.0.1:${server.address().port}` };
}

/** The directive's sources in the page's policy. */
function sources(policy, directive) {
  const parts = policy.split(';').map((part) => part.trim().split(/\s+/));
  return parts.find(([name]) => name === directive)?.slice(1);
}

const report = new Report();
const browser = await openChromium();
const other = await otherOrigin();
const person = await Visitor.signedUp(browser, base, report, NAME, PASSWORD);
const allow = () => person.page.getByRole('button', { name: 'Allow' });

await report.step('allow, to another origin', async () => {
  const app = await App.register(base, 'Elsewhere', `${other.origin}/callback?keep=this`);
  const answer = await person.page.goto(app.authorizeUrl());
  const policy = answer.headers()['content-security-policy'];
  assertEqual(sources(policy, 'form-action'), ["'self'", other.origin], 'form-action');
  assertEqual(sources(policy, 'frame-ancestors'), ["'none'"], 'frame-ancestors');
  assert((await person.main().innerText()).includes('Elsewhere'), 'the page names the application');
  await person.press(allow());
  const visit = other.visits.find((url) => url.pathname === '/callback');
  assert(visit, 'the other origin was visited');
  assertEqual(visit.searchParams.get('keep'), 'this', 'the query that the redirect URI had');
  assertEqual(visit.searchParams.get('state'), app.state, 'state');
  const api = await app.exchange(visit.searchParams.get('code'));
  assertEqual((await api.me()).username, NAME, 'who allowed it');
});

await report.step('deny, to another origin', async () => {
  other.visits.length = 0;
  const app = await App.register(base, 'Unwanted', `${other.origin}/denied`);
  await person.open(app.authorizeUrl());
  await person.press(person.page.getByRole('button', { name: 'Deny' }));
  const visit = other.visits.find((url) => url.pathname === '/denied');
  assert(visit, 'the other origin was visited');
  assertEqual(visit.searchParams.get('error'), 'access_denied', 'error');
  assertEqual(visit.searchParams.get('state'), app.state, 'state');
  assertEqual(visit.searchParams.get('code'), null, 'code');
});

for (const redirectUri of ['kinglet-test://callback', 'com.example.Client.10217:/request_token']) {
  await report.step(`allow, to ${redirectUri}`, async () => {
    const app = await App.register(base, 'Own scheme', redirectUri);
    // Another visitor for each: a page keeps trying to leave for an address that no program here understands.
    const leaver = await Visitor.arrive(browser, base, report);
    await leaver.logIn(NAME, PASSWORD);
    await leaver.open(app.authorizeUrl());
    // No program of this machine knows the scheme; that Chromium asks for it says that nothing held it back.
    const wanted = redirectUri.toLowerCase();
    const [request] = await Promise.all([
      leaver.page.waitForRequest((asked) => asked.url().toLowerCase().startsWith(wanted)),
      leaver.page.getByRole('button', { name: 'Allow' }).click(),
    ]);
    assert(request.isNavigationRequest(), 'the page itself goes there');
    const { searchParams } = new URL(request.url());
    assertEqual(searchParams.get('state'), app.state, 'state');
    const api = await app.exchange(searchParams.get('code'));
    assertEqual((await api.me()).username, NAME, 'who allowed it');
  });
}

await report.step('allow, by copying', async () => {
  const api = await person.allow('By hand');
  assertEqual((await api.me()).username, NAME, 'who allowed it');
});

await report.step('log in on the way', async () => {
  const stranger = await Visitor.arrive(browser, base, report);
  const app = await App.register(base, 'On the way', OUT_OF_BAND);
  await stranger.open(app.authorizeUrl());
  assert(await stranger.isAskedToLogIn(), 'a stranger logs in first');
  await stranger.logIn(NAME, PASSWORD);
  assertEqual(await stranger.page.getByRole('button', { name: 'Allow' }).count(), 1, 'and is asked then');
  await stranger.press(stranger.page.getByRole('button', { name: 'Not you?' }));
  assert(await stranger.isAskedToLogIn(), 'somebody else logs in');
  await stranger.logIn(NAME, PASSWORD);
  await stranger.press(stranger.page.getByRole('button', { name: 'Allow' }));
  const api = await app.exchange(await stranger.page.locator('code').innerText());
  assertEqual((await api.me()).username, NAME, 'who allowed it');
  await stranger.leave();
});

await report.step('refuse what was not registered', async () => {
  other.visits.length = 0;
  const app = await App.register(base, 'Thief', `${other.origin}/registered`);
  app.redirectUri = `${other.origin}/another`;
  const status = await person.open(app.authorizeUrl());
  assert(status >= 400 && status < 500, `status ${status}`);
  assertEqual(await allow().count(), 0, 'buttons to allow');
  assertEqual(other.visits.length, 0, 'visits');
});

// Each complaint that comes from here on is the browser's, about what the page must not allow.
const complaints = [...person.complaints];

await report.step('stay out of frames', async () => {
  const app = await App.register(base, 'Framer', `${other.origin}/framed`);
  const lured = `${other.origin}/?frame=${encodeURIComponent(app.authorizeUrl())}`;
  await person.page.goto(lured);
  const frame = person.page.frames().find((each) => each !== person.page.mainFrame());
  assert(frame, 'the frame is there');
  assertEqual(await frame.getByRole('button').count(), 0, 'buttons in the frame');
});

await report.step('without a complaint of the browser', async () => {
  assertEqual(complaints, [], 'complaints');
});

await browser.close();
other.server.close();
report.end();
