// node approval.mjs BASE: asks for an account where somebody has to agree first.

import { Api } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base] = process.argv.slice(2);
const PASSWORD = 'a password of dora';

const report = new Report();
const browser = await openChromium();
const dora = await Visitor.arrive(browser, base, report);

await report.step('ask for an account', async () => {
  await dora.open('/signup');
  await dora.fill({
    username: 'dora',
    email: 'dora@example.org',
    password: PASSWORD,
    password_confirmation: PASSWORD,
    reason: 'I like birds.',
    agreement: true,
  });
  const status = await dora.press(dora.main().getByRole('button', { name: 'Ask' }));
  assert(status < 400, `status ${status}`);
  assert(!(await dora.isSignedIn()), 'no session before somebody agreed');
  assertEqual(await new Api(base).status('/api/v1/accounts/lookup?acct=dora'), 404, 'the account, to others');
});

await report.step('wait for it', async () => {
  const status = await dora.logIn('dora', PASSWORD);
  assert(status >= 400 && status < 500, `nobody logs in before somebody agreed: ${status}`);
  assert(!(await dora.isSignedIn()), 'no session');
  assertEqual(dora.complaints, [], 'complaints of the browser');
});

await browser.close();
report.end();
