// node dev.mjs BASE TOKEN DIR: a developer looks at what a client with TOKEN got wrong at BASE, a `kinglet dev`, and uses every
// tool there; pictures of the pages, on a phone and on a desktop, light and dark, go to DIR.

import path from 'node:path';

import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base, token, directory] = process.argv.slice(2);
const CONTROLS = '/dev/controls';

const report = new Report();
const browser = await openChromium();
const developer = await Visitor.arrive(browser, base, report);
const button = (name) => developer.main().getByRole('button', { name, exact: true });
const text = () => developer.main().innerText();

/** A request of the client that is being developed. */
async function ask(method, target, body, headers = {}) {
  const answer = await fetch(base + target, {
    method,
    body,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return answer.status;
}

/** Presses a button that leads back to the page with this sentence. */
async function press(name, page, sentence) {
  const status = await developer.press(button(name));
  assertEqual(status, 303, name);
  assertEqual(developer.path.split('?')[0], page, name);
  assert((await text()).includes(sentence), `${name}: ${await text()}`);
}

await report.step('begin with nothing', async () => {
  assertEqual(await developer.open('/dev?paused=1'), 200, 'status');
  assert((await text()).includes('Nobody asked for anything yet'), await text());
});

await report.step('see what a client got wrong', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  await ask('GET', '/api/v1/timelines/home?limit=2');
  await ask('POST', '/api/v1/statuses', 'status=Hi+@bob&visibilty=direct', form);
  await ask('POST', '/api/v1/statuses', '{"status": "<b>bold</b>"}', { 'content-type': 'text/plain' });
  await ask('GET', '/api/v1/timeline/home');
  await ask('DELETE', '/api/v1/statuses');
  await developer.open('/dev?paused=1');
  const shown = await text();
  for (const sentence of [
    "This route of kinglet doesn't know the parameter visibilty",
    'The body is JSON, but Content-Type says text/plain',
    'There is no route /api/v1/timeline/home: did you mean /api/v1/timelines/home?',
    "/api/v1/statuses can't be used with DELETE",
  ]) {
    assert(shown.includes(sentence), `${sentence} in ${shown}`);
  }
  await developer.open('/dev?paused=1&wrong=1');
  assertEqual(await developer.main().locator('.asked > li').count(), 4, 'mistakes');
  await developer.main().getByRole('link', { name: /visibilty|POST/ }).last().click();
  const detail = await text();
  assert(detail.includes('status=Hi+@bob&visibilty=direct') && detail.includes('@alice'), detail);
});

await report.step('show what was sent as text, not as a page', async () => {
  await developer.open('/dev/requests/3');
  assert((await text()).includes('<b>bold</b>'), await text());
});

await report.step('reload by itself unless it pauses', async () => {
  await developer.open('/dev');
  assertEqual(await developer.page.locator('meta[http-equiv=refresh]').count(), 1, 'reloads');
  await developer.main().getByRole('link', { name: 'Pause' }).click();
  assertEqual(await developer.page.locator('meta[http-equiv=refresh]').count(), 0, 'paused');
});

await report.step('make a snapshot and go back to it', async () => {
  await developer.open(CONTROLS);
  await developer.fill({ name: 'now-' });
  await press('Make a snapshot', CONTROLS, 'The snapshot is made.');
  await press('Go back to now-', CONTROLS, 'as it was in the snapshot');
});

await report.step('move the clock, set it, let it run, stop it', async () => {
  await press('+ 1 hour', CONTROLS, '2026-01-01 13:00:00');
  await developer.fill({ now: '2027-02-03T04:05:06Z' });
  await press('Set', CONTROLS, '2027-02-03 04:05:06');
  await press('Let it run', CONTROLS, 'UTC, runs');
  await press('Stop it', CONTROLS, 'UTC, stands still');
});

await report.step('order faults and take them back', async () => {
  const fault = { kind: 'rate_limited', method: 'GET', path: '/api/v1/timelines/*', times: '1', retry_after: '60' };
  await developer.fill(fault);
  await press('Order the fault', CONTROLS, 'GET /api/v1/timelines/*, once');
  assertEqual(await ask('GET', '/api/v1/timelines/home'), 429, 'struck');
  assertEqual(await ask('GET', '/api/v1/timelines/home'), 200, 'once');
  await developer.fill({ kind: 'delay', ms: '5' });
  await press('Order the fault', CONTROLS, '5 ms later');
  await developer.fill({ kind: 'expired_token' });
  await press('Order the fault', CONTROLS, '401, token expired');
  await press('Take back: 5 ms later', CONTROLS, 'It is taken back.');
  await press('Take all back', CONTROLS, 'It is taken back.');
  assertEqual(await developer.main().getByText('401, token expired').count(), 0, 'left');
});

await report.step('be told of what is no fault', async () => {
  await developer.fill({ kind: 'delay', path: 'api' });
  assertEqual(await developer.press(button('Order the fault')), 422, 'status');
  assert((await text()).includes('must be a path'), await text());
});

await report.step('read mail', async () => {
  await developer.open('/dev/mail');
  assert((await text()).includes('Nothing was mailed yet'), await text());
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  await ask('POST', '/api/v1/accounts/nobody/follow', '', form);
  const bob = await (await fetch(`${base}/api/kinglet/v1/dev/people`)).json();
  const as = { ...form, authorization: `Bearer ${bob.find((one) => one.name === 'bob').token}` };
  await fetch(`${base}/api/v1/statuses`, { method: 'POST', body: 'status=@alice+A+letter', headers: as });
  await developer.open('/dev/mail');
  await developer.main().getByRole('link', { name: /mentioned you/ }).click();
  assert((await text()).includes('A letter'), await text());
  const letter = developer.page.frameLocator('iframe.letter');
  assert((await letter.locator('body').innerText()).includes('A letter'), 'the frame shows it');
});

const PAGES = {
  'dev-requests': '/dev?paused=1',
  'dev-request': '/dev/requests/2',
  'dev-controls': CONTROLS,
  'dev-people': '/dev/people',
  'dev-mail': '/dev/mail',
};
const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
};

/** What is wrong with how a page is laid out; sentences. */
function faults() {
  const found = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`${scrollWidth - clientWidth} px wider than the screen`);
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) found.push(`${headings} main headings`);
  for (const field of document.querySelectorAll('input:not([type=hidden]), select')) {
    if (!field.labels.length) found.push(`no label: ${field.name}`);
  }
  return found;
}

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark']) {
    const visitor = await Visitor.arrive(browser, base, report, { ...options, colorScheme });
    for (const [page, address] of Object.entries(PAGES)) {
      await report.step(`${page}-${screen}-${colorScheme}`, async () => {
        assertEqual(await visitor.open(address), 200, 'status');
        await visitor.page.screenshot({ path: path.join(directory, `${page}-${screen}-${colorScheme}.png`) });
        assertEqual(await visitor.page.evaluate(faults), [], 'faults');
      });
    }
    assertEqual(visitor.complaints, [], 'complaints');
    await visitor.leave();
  }
}

await report.step('throw everything away', async () => {
  await developer.open('/dev/mail');
  await press('Throw away', '/dev/mail', 'Nothing was mailed yet');
  await developer.open('/dev?paused=1');
  await press('Forget', '/dev', 'Nobody asked for anything yet');
  await developer.open(CONTROLS);
  await press('Reset', CONTROLS, 'Everything is as it was at the start.');
  assert((await text()).includes('2026-01-01 12:00:00'), await text());
});

await report.step('without a complaint of the browser', async () => {
  assertEqual(developer.complaints, [], 'complaints');
});

await browser.close();
report.end();
