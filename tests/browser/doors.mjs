// node doors.mjs BASE SETUP_LINK PROGRAM DATA: the ways in that the operator opens: set-up, invitation, new password.
// BASE serves DATA in the mode "invite".

import { execFileSync } from 'node:child_process';

import { Api } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base, setupLink, program, data] = process.argv.slice(2);
const PASSWORD = 'a password of somebody';

const kinglet = (...words) => execFileSync(program, ['--data', data, ...words], { encoding: 'utf8' }).trim();

const report = new Report();
const browser = await openChromium();
const anyone = new Api(base);
const owner = await Visitor.arrive(browser, base, report);
const guest = await Visitor.arrive(browser, base, report);
const account = (username) => ({ username, email: `${username}@example.org`, password: PASSWORD, password_confirmation: PASSWORD });
const refusedWith = (status, what) => assert(status >= 400 && status < 500, `${what}: ${status}`);

await report.step('set up', async () => {
  await owner.open(`/setup?code=${'0'.repeat(22)}`);
  if (await owner.main().locator('form').count()) {
    await owner.fill(account('thief'));
    refusedWith(await owner.press(owner.main().getByRole('button', { name: 'Create' })), 'a made-up code');
  }
  assertEqual(await anyone.status('/api/v1/accounts/lookup?acct=thief'), 404, 'the account by a made-up code');
  assertEqual(await owner.open(setupLink), 200, 'status');
  await owner.fill(account('owner'));
  await owner.press(owner.main().getByRole('button', { name: 'Create' }));
  if (!(await owner.isSignedIn())) await owner.logIn('owner', PASSWORD);
  const api = await owner.allow('Reader of the owner');
  const me = await api.me();
  assertEqual([me.username, me.role?.name], ['owner', 'Owner'], 'the account');
  const users = JSON.parse(kinglet('user', 'list', '--json'));
  assertEqual(users.map(({ name, role }) => [name, role]), [['owner', 'owner']], 'the accounts');
});

await report.step('set up once only', async () => {
  await guest.open(setupLink);
  assertEqual(await guest.main().locator('form').count(), 0, 'forms for a second owner');
});

await report.step('sign up uninvited', async () => {
  await guest.open('/signup');
  await guest.fill({ ...account('uninvited'), invite: 'made-up', agreement: true });
  refusedWith(await guest.press(guest.main().getByRole('button', { name: 'Sign up' })), 'a made-up invitation');
  assertEqual(await anyone.status('/api/v1/accounts/lookup?acct=uninvited'), 404, 'status');
});

await report.step('sign up invited', async () => {
  const link = kinglet('invite', 'create', '--uses', '1');
  await guest.open(link);
  await guest.fill({ ...account('guest'), agreement: true });
  await guest.press(guest.main().getByRole('button', { name: 'Sign up' }));
  assertEqual((await anyone.account('guest')).username, 'guest', 'the account');
  const second = await Visitor.arrive(browser, base, report);
  await second.open(link);
  if (await second.main().locator('form').count()) {
    await second.fill({ ...account('second'), agreement: true });
    await second.press(second.main().getByRole('button', { name: 'Sign up' }));
  }
  assertEqual(await anyone.status('/api/v1/accounts/lookup?acct=second'), 404, 'who comes after the last use');
  await second.leave();
});

await report.step('reset a password', async () => {
  if (!(await guest.isSignedIn())) await guest.logIn('guest', PASSWORD);
  const link = kinglet('user', 'reset-link', 'guest');
  const forgetful = await Visitor.arrive(browser, base, report);
  assertEqual(await forgetful.open(link), 200, 'status');
  await forgetful.fill({ password: 'another password', password_confirmation: 'another password' });
  await forgetful.press(forgetful.main().getByRole('button'));
  assert(!(await guest.isSignedIn()), 'the sessions have ended');
  refusedWith(await guest.logIn('guest', PASSWORD), 'the old password');
  await guest.logIn('guest', 'another password');
  assertEqual((await (await guest.allow('Reader of the guest')).me()).username, 'guest', 'whose session it is');
  await forgetful.open(link);
  assertEqual(await forgetful.main().locator('form').count(), 0, 'forms for a second time');
  await forgetful.leave();
});

await report.step('without a complaint of the browser', async () => {
  assertEqual([...owner.complaints, ...guest.complaints], [], 'complaints');
});

await browser.close();
report.end();
