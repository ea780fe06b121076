// node mail.mjs BASE DIR: uses the links of the mails that the server writes into DIR, and chooses what is mailed.

import fs from 'node:fs/promises';
import path from 'node:path';

import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base, directory] = process.argv.slice(2);
const PASSWORD = 'a password of edda';
const PATIENCE_MS = 15_000;
const PAUSE_MS = 50;

const report = new Report();
const browser = await openChromium();
const edda = await Visitor.arrive(browser, base, report);
const read = new Set();

/** The next mail, as it was before it was made fit for transport. */
async function nextMail() {
  for (let waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
    const files = await fs.readdir(directory).catch(() => []);
    const found = files.find((file) => file.endsWith('.eml') && !read.has(file));
    if (found) {
      read.add(found);
      const text = await fs.readFile(path.join(directory, found), 'utf8');
      return text.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error('no mail came');
}

/** The first address in a mail that begins with this path. */
const linkIn = (mail, start) => {
  const at = mail.indexOf(base + start);
  assert(at >= 0, `no link to ${start} in ${mail}`);
  return mail.slice(at + base.length).match(/^[\w./-]+/)[0];
};

const button = (name) => edda.main().getByRole('button', { name });

await report.step('sign up and confirm the address', async () => {
  await edda.signUp('edda', PASSWORD);
  assert(!(await edda.isSignedIn()), 'no session before the address is confirmed');
  const link = linkIn(await nextMail(), '/confirm/');
  await edda.open(link);
  await edda.press(button('Confirm'));
  assertEqual(edda.path, '/login', 'where it leads');
  await edda.logIn('edda', PASSWORD);
  assert(await edda.isSignedIn(), 'the account is open');
});

await report.step('set a forgotten password', async () => {
  await edda.logOut();
  await edda.open('/login');
  await edda.main().getByRole('link', { name: 'Forgot your password?' }).click();
  await edda.fill({ login: 'edda@example.org' });
  assertEqual(await edda.press(button('Mail me a link')), 200, 'status');
  await edda.open(linkIn(await nextMail(), '/reset/'));
  await edda.fill({ password: PASSWORD, password_confirmation: PASSWORD });
  await edda.press(button('Set password'));
  await edda.logIn('edda', PASSWORD);
  assert(await edda.isSignedIn(), 'the new password opens');
});

await report.step('choose what is mailed', async () => {
  const warning = await nextMail();
  await edda.open('/settings/mail');
  const chosen = { mentions: 'daily', follow_requests: false, quiet_from: '22:00', quiet_until: '07:00', time_zone: 'Europe/Berlin' };
  await edda.fill(chosen);
  await edda.press(button('Save'));
  for (const name of ['mentions', 'quiet_from', 'quiet_until', 'time_zone']) {
    assertEqual(await edda.main().locator(`[name=${name}]`).inputValue(), chosen[name], name);
  }
  assert(await edda.main().locator('[name=log_ins]').isChecked(), 'log-ins are mailed');
  await edda.open(linkIn(warning, '/unsubscribe/'));
  await edda.press(button('Stop it'));
  await edda.open('/settings/mail');
  assert(!(await edda.main().locator('[name=log_ins]').isChecked()), 'no more');
});

await report.step('change the address', async () => {
  await edda.open('/settings/mail');
  await edda.fill({ email: 'edda@new.example', current_password: PASSWORD });
  await edda.press(button('Change address'));
  const link = linkIn(await nextMail(), '/confirm/');
  assertEqual(await edda.press(button('Send again')), 303, 'status');
  await edda.open(link);
  await edda.press(button('Confirm'));
  assertEqual(edda.path, '/settings/mail', 'where it leads');
  const text = await edda.main().innerText();
  assert(text.includes('edda@new.example') && !text.includes('edda@example.org'), text);
});

await report.step('without a complaint of the browser', async () => {
  assertEqual(edda.complaints, [], 'complaints');
});

await browser.close();
report.end();
