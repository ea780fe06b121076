// A client of the API: what the website did is read back through it.

import { createHash, randomBytes } from 'node:crypto';

/** The redirect URI of clients that have none: the code is shown for copying. */
export const OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob';
const SCOPES = 'read write follow';

async function decoded(answer, what) {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** An application that is registered at the server. */
export class App {
  constructor(base, redirectUri, { client_id, client_secret }) {
    Object.assign(this, { base, redirectUri, id: client_id, secret: client_secret });
    this.verifier = randomBytes(32).toString('base64url');
    this.state = randomBytes(8).toString('hex');
  }

  static async register(base, name, redirectUri = OUT_OF_BAND) {
    const body = new URLSearchParams({ client_name: name, redirect_uris: redirectUri, scopes: SCOPES });
    const answer = await fetch(`${base}/api/v1/apps`, { method: 'POST', body });
    return new App(base, redirectUri, await decoded(answer, 'registering'));
  }

  /** Where the person is sent; with PKCE. */
  authorizeUrl() {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.id,
      redirect_uri: this.redirectUri,
      scope: SCOPES,
      state: this.state,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    return `${this.base}/oauth/authorize?${query}`;
  }

  /** The API in the name of whoever allowed it. */
  async exchange(code) {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      client_id: this.id,
      client_secret: this.secret,
      redirect_uri: this.redirectUri,
      code_verifier: this.verifier,
    });
    const answer = await fetch(`${this.base}/oauth/token`, { method: 'POST', body });
    const { access_token: token } = await decoded(answer, 'exchanging the code');
    return new Api(this.base, token);
  }
}

/** The API in somebody's name. */
export class Api {
  constructor(base, token) {
    Object.assign(this, { base, token });
  }

  async answer(method, path, fields) {
    return fetch(`${this.base}${path}`, {
      method,
      headers: this.token ? { authorization: `Bearer ${this.token}` } : {},
      body: fields && new URLSearchParams(fields),
    });
  }

  async get(path) {
    return decoded(await this.answer('GET', path), `GET ${path}`);
  }

  async post(path, fields = {}) {
    return decoded(await this.answer('POST', path, fields), `POST ${path}`);
  }

  async status(path) {
    const answer = await this.answer('GET', path);
    await answer.body?.cancel();
    return answer.status;
  }

  async me() {
    return this.get('/api/v1/accounts/verify_credentials');
  }

  async account(name) {
    return this.get(`/api/v1/accounts/lookup?acct=${encodeURIComponent(name)}`);
  }

  async relationship(name) {
    const { id } = await this.account(name);
    const [relationship] = await this.get(`/api/v1/accounts/relationships?id[]=${id}`);
    return relationship;
  }

  async newestPost(name) {
    const { id } = await this.account(name);
    const [post] = await this.get(`/api/v1/accounts/${id}/statuses?limit=1`);
    return post;
  }
}
