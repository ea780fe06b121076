// node screenshots.mjs BASE DIR NAME PASSWORD THREAD OWNER OWNERS_PASSWORD: pictures of fourteen pages in DIR, as NAME sees
// them, and OWNER those for owners, on a phone and on a desktop, light and dark; THREAD is the path of the post whose
// thread is shown.

import path from 'node:path';

import { App } from './api.mjs';
import { Report, assert, assertEqual } from './report.mjs';
import { Visitor, openChromium } from './visitor.mjs';

const [base, directory, name, password, thread, owner, ownersPassword] = process.argv.slice(2);

const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
};
const COLOURS = ['light', 'dark'];

const app = await App.register(base, 'Wingbeat', 'https://wingbeat.example/callback');
const SIGNED_OUT = { front: '/', login: '/login' };
const SIGNED_IN = {
  home: '/',
  profile: '/@tomas',
  thread,
  search: '/search?q=light',
  notifications: '/notifications',
  compose: '/compose',
  settings: '/settings/profile',
  stats: '/stats',
  'own-stats': '/settings/stats',
  consent: app.authorizeUrl(),
};
const OF_OWNERS = { tasks: '/admin/tasks', live: '/admin/live?every=0' };

const report = new Report();
const browser = await openChromium();

/** What is wrong with how a page is laid out; sentences. */
function faults() {
  const found = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`${scrollWidth - clientWidth} px wider than the screen`);
  for (const image of document.images) {
    if (image.complete && image.naturalWidth === 0) found.push(`no picture: ${image.src}`);
  }
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) found.push(`${headings} main headings`);
  if (!document.documentElement.lang) found.push('no language');
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (!field.hidden && !field.labels.length && !field.ariaLabel) found.push(`no label: ${field.name}`);
  }
  return found;
}

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of COLOURS) {
    const visitor = await Visitor.arrive(browser, base, report, { ...options, colorScheme });
    const picture = (page, address) =>
      report.step(`${page}-${screen}-${colorScheme}`, async () => {
        assertEqual(await visitor.open(address), 200, 'status');
        await visitor.page.screenshot({ path: path.join(directory, `${page}-${screen}-${colorScheme}.png`) });
        assertEqual(await visitor.page.evaluate(faults), [], 'faults');
      });
    for (const [page, address] of Object.entries(SIGNED_OUT)) await picture(page, address);
    await visitor.logIn(name, password);
    assert(await visitor.isSignedIn(), `${name} can log in`);
    for (const [page, address] of Object.entries(SIGNED_IN)) await picture(page, address);
    await visitor.logOut();
    await visitor.logIn(owner, ownersPassword);
    for (const [page, address] of Object.entries(OF_OWNERS)) await picture(page, address);
    await report.step(`${screen}, ${colorScheme}: without a complaint of the browser`, async () => {
      assertEqual(visitor.complaints, [], 'complaints');
    });
    await visitor.leave();
  }
}

await browser.close();
report.end();
