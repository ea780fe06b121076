// Somebody with a browser: Debian's Chromium, scripts switched off, since the website promises to be whole without.

import { chromium } from 'playwright-core';

import { App } from './api.mjs';

/** How long somebody waits for a page or a button. */
const PATIENCE_MS = 15_000;

export async function openChromium() {
  return chromium.launch({
    executablePath: process.env.KINGLET_CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export class Visitor {
  /** What the browser complained about: a broken policy, a missing picture, a failed request. */
  complaints = [];

  constructor(base, report, page) {
    Object.assign(this, { base, report, page });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('request', (request) => {
      if (request.method() !== 'GET' && request.isNavigationRequest()) {
        report?.submitted.add(`${request.method()} ${new URL(request.url()).pathname}`);
      }
    });
    page.on('console', (message) => {
      const isStatus = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isStatus) this.complain(message.text());
    });
    page.on('response', (response) => {
      // A page may say that something isn't there; what a page is made of has to be there.
      const faulty = response.request().isNavigationRequest() ? 500 : 400;
      if (response.status() >= faulty) this.complain(`${response.status()} ${response.url()}`);
    });
  }

  complain(what) {
    this.complaints.push(`${this.page.url()}: ${what}`);
  }

  /** Somebody who was never here before. */
  static async arrive(browser, base, report, options = {}) {
    const context = await browser.newContext({ javaScriptEnabled: false, ...options });
    return new Visitor(base, report, await context.newPage());
  }

  async leave() {
    await this.page.context().close();
  }

  async open(path) {
    const answer = await this.page.goto(new URL(path, this.base).href);
    return answer.status();
  }

  get path() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  main() {
    return this.page.locator('main');
  }

  /** Presses a button that sends a form; gives back the status with which the form was answered. */
  async press(button) {
    const isAnswer = (response) => {
      const request = response.request();
      return request.method() === 'POST' && request.isNavigationRequest();
    };
    const [answer] = await Promise.all([
      this.page.waitForResponse(isAnswer),
      this.page.waitForEvent('load'),
      button.click(),
    ]);
    return answer.status();
  }

  /** Fills the fields with these names in the page's main part. */
  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.main().locator(`[name="${name}"]`);
      const kind = await field.evaluate((element) => `${element.tagName} ${element.type}`);
      if (kind.startsWith('SELECT')) await field.selectOption(value);
      else if (kind.endsWith(' checkbox')) await field.setChecked(value);
      else await field.fill(value);
    }
  }

  async isSignedIn() {
    await this.open('/');
    return (await this.page.locator('.nav a[href="/notifications"]').count()) > 0;
  }

  async signUp(name, password) {
    await this.open('/signup');
    await this.fill({
      username: name,
      email: `${name}@example.org`,
      password,
      password_confirmation: password,
      agreement: true,
    });
    return this.press(this.main().getByRole('button', { name: 'Sign up' }));
  }

  /** Whether the page asks for a log-in. */
  async isAskedToLogIn() {
    return (await this.main().locator('form[action="/login"]').count()) > 0;
  }

  /** Logs in where the page asks for it, else on the page for that. */
  async logIn(login, password) {
    if (!(await this.isAskedToLogIn())) await this.open('/login');
    await this.fill({ login, password });
    return this.press(this.main().getByRole('button', { name: 'Log in' }));
  }

  async logOut() {
    await this.open('/settings/account');
    return this.press(this.main().getByRole('button', { name: 'Log out' }));
  }

  /** Lets an application in; it gets the code by copying, as those without a redirect URI do. */
  async allow(name) {
    const app = await App.register(this.base, name);
    await this.open(app.authorizeUrl());
    await this.press(this.page.getByRole('button', { name: 'Allow' }));
    return app.exchange(await this.page.locator('code').innerText());
  }

  /** Makes sure of an account and a session. */
  static async signedUp(browser, base, report, name, password) {
    const visitor = await Visitor.arrive(browser, base, report);
    await visitor.signUp(name, password);
    if (!(await visitor.isSignedIn())) await visitor.logIn(name, password);
    return visitor;
  }
}
