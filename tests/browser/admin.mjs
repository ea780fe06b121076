// node admin.mjs TASKS SIGN_UPS OWNER PASSWORD: OWNER looks after the work of the instance at TASKS, where a mail waits for
// another attempt and three were given up, and lets people in at SIGN_UPS, where somebody has to agree.

import { Api } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [tasks, signUps, name, password] = process.argv.slice(2);
const PATIENCE_MS = 15_000;
const PAUSE_MS = 50;
const PAGE = '/admin/tasks';
const CODES = 'Forget expired codes and links';
const mailTo = (recipient) => `Mention mail to @${recipient}`;

const report = new Report();
const browser = await openChromium();
const owner = await Visitor.arrive(browser, tasks, report);

/** What the page lists below the heading with this id; nothing when there is no such heading. */
const works = (id) => owner.main().locator(`#${id} ~ .works`).first().locator('li');
const work = (id, words) => works(id).filter({ hasText: words });
const count = async (id) => (await owner.main().locator(`#${id}`).count()) && works(id).count();

/** Opens the page until it says so. */
async function opened(what, isSo) {
  for (let waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
    await owner.open(PAGE);
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`never ${what}: ${await owner.main().innerText()}`);
}

/** Presses the button of this name, which leads back to the page. */
async function press(button, exact = true) {
  const status = await owner.press(owner.main().getByRole('button', { name: button, exact }));
  assertEqual([status, owner.path], [303, PAGE], button);
}

await report.step('see what was given up and what waits', async () => {
  await owner.logIn(name, password);
  assertEqual(await owner.open(PAGE), 200, 'status');
  assertEqual([await count('dead'), await count('retrying')], [3, 1], 'what failed');
  const text = await work('dead', mailTo('spam1')).innerText();
  assert(text.includes('554 5.7.1') && text.includes('tried once'), text);
});

await report.step('pause a queue', async () => {
  await press('Pause: Mail');
  const text = await work('queues', 'Mail').innerText();
  assert(text.includes('Nothing is tried until you resume it.'), text);
});

await report.step('retry a job', async () => {
  await press(`Retry: ${mailTo('spam1')}`, false);
  assertEqual(await count('dead'), 2, 'given up');
  const text = await work('queues', 'Mail').innerText();
  assert(text.includes('2 jobs wait'), `tried as soon as its queue goes on: ${text}`);
});

await report.step('drop a job', async () => {
  await press(`Drop: ${mailTo('spam2')}`, false);
  assertEqual([await count('dead'), await work('dead', mailTo('spam2')).count()], [1, 0], 'given up');
});

await report.step('retry all', async () => {
  await press('Retry all');
  assertEqual(await count('dead'), 0, 'given up');
  const text = await work('queues', 'Mail').innerText();
  assert(text.includes('3 jobs wait'), text);
});

await report.step('resume a queue', async () => {
  await press('Resume: Mail');
  await opened('tried again', async () => (await count('dead')) === 2);
  assertEqual(await count('retrying'), 1, 'what is not due yet');
  assertEqual(await work('dead', mailTo('spam2')).count(), 0, 'what was dropped');
});

await report.step('try a job before its time', async () => {
  await press(`Try now: ${mailTo('greylisted1')}`, false);
  await opened('sent', async () => (await count('retrying')) === 0);
  assertEqual(await count('dead'), 2, 'given up');
  const text = await work('queues', 'Mail').innerText();
  assert(text.includes('Nothing waits.'), text);
});

await report.step('pause a task', async () => {
  await press(`Pause: ${CODES}`);
  const text = await work('schedule', CODES).innerText();
  assert(text.includes('Paused') && text.includes('Would run'), text);
  const run = work('schedule', CODES).getByRole('button', { name: 'Run now' });
  assertEqual(await run.count(), 0, 'buttons that run what is paused');
});

await report.step('resume a task', async () => {
  await press(`Resume: ${CODES}`);
  const text = await work('schedule', CODES).innerText();
  assert(text.includes('Not yet') && text.includes("Hasn't run yet"), text);
});

await report.step('run a task', async () => {
  await press(`Run now: ${CODES}`);
  await opened('run', async () => (await work('schedule', CODES).innerText()).includes('Last run'));
  const text = await work('schedule', CODES).innerText();
  assert(text.includes('Done'), text);
});

const lookout = await Visitor.arrive(browser, signUps, report);
const anyone = new Api(signUps);
const waiting = (who) => lookout.main().locator('.works li').filter({ hasText: `@${who}` });
const isKnown = async (who) => (await anyone.status(`/api/v1/accounts/lookup?acct=${who}`)) === 200;
const guest = await Visitor.arrive(browser, signUps, report);

await report.step('see who waits', async () => {
  for (const who of ['dora', 'elif']) {
    await guest.open('/signup');
    await guest.fill({
      username: who,
      email: `${who}@example.org`,
      password: `a password of ${who}`,
      password_confirmation: `a password of ${who}`,
      reason: `I am ${who} & I like <birds>.`,
      agreement: true,
    });
    await guest.press(guest.main().getByRole('button', { name: 'Ask' }));
  }
  await lookout.logIn(name, password);
  assertEqual(await lookout.open('/admin/sign-ups'), 200, 'status');
  for (const who of ['dora', 'elif']) {
    const text = await waiting(who).innerText();
    assert(text.includes(`I am ${who} & I like <birds>.`), text);
    assert(!(await isKnown(who)), `${who} has to wait`);
  }
});

await report.step('let somebody in', async () => {
  const status = await lookout.press(lookout.main().getByRole('button', { name: 'Approve @dora' }));
  assertEqual([status, lookout.path], [303, '/admin/sign-ups'], 'the answer');
  assertEqual([await waiting('dora').count(), await waiting('elif').count()], [0, 1], 'who waits');
  assert(await isKnown('dora'), 'the account is there');
  await guest.logIn('dora', 'a password of dora');
  assert(await guest.isSignedIn(), 'a session');
});

await report.step('turn somebody away', async () => {
  const status = await lookout.press(lookout.main().getByRole('button', { name: 'Reject @elif' }));
  assertEqual([status, lookout.path], [303, '/admin/sign-ups'], 'the answer');
  assertEqual(await waiting('elif').count(), 0, 'who waits');
  assert(!(await isKnown('elif')), 'no account');
  const rejected = await Visitor.arrive(browser, signUps, report);
  const refusal = await rejected.logIn('elif', 'a password of elif');
  assert(refusal >= 400 && refusal < 500, `nobody logs in who was turned away: ${refusal}`);
  assert(!(await rejected.isSignedIn()), 'no session');
  await rejected.leave();
});

await report.step('without a complaint of the browser', async () => {
  assertEqual([...owner.complaints, ...lookout.complaints, ...guest.complaints], [], 'complaints');
});

await browser.close();
report.end();
