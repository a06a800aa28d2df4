// Who works here: the tokens of this tab (memory and sessionStorage), and renewing them without asking anybody. How they
// are first got is `signin.js`.

const SESSION = "bincheck.session";
const EARLY_MS = 60_000;

/** The issuer says no; the message may be shown. */
export class SigninFailed extends Error {}

export class Session {
  constructor({ config, store = sessionStorage, fetch = globalThis.fetch.bind(globalThis), clock = Date.now }) {
    Object.assign(this, { config, store, fetch, clock });
    this.tokens = read(store, SESSION);
    this.renewal = null;
    this.planRenewal();
  }

  get isOpen() {
    return Boolean(this.tokens?.access);
  }

  token() {
    return this.tokens?.access ?? "";
  }

  /** Gets a fresh token without asking anybody; whether there is one. Several callers share one attempt. */
  renewed() {
    this.renewal ??= this.renew().finally(() => (this.renewal = null));
    return this.renewal;
  }

  async renew() {
    const refresh_token = this.tokens?.refresh;
    if (!refresh_token) return false;
    try {
      this.keep(await this.ask({ grant_type: "refresh_token", refresh_token }));
      return true;
    } catch (error) {
      // Only the issuer's no ends the refresh token; no answer may be the network's fault.
      if (error instanceof SigninFailed) this.keep({ access_token: this.tokens.access, refresh_token: "" });
      return false;
    }
  }

  /** Asks the issuer for tokens. */
  async ask(values) {
    const answer = await this.fetch(this.config.token_url, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
      body: new URLSearchParams({ client_id: this.config.client_id, ...values }),
      credentials: "omit",
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok && said.access_token) return said;
    if (answer.status >= 500) throw new Error(`The issuer answered ${answer.status}.`);
    throw new SigninFailed(said.error_description ?? said.error ?? `The issuer answered ${answer.status}.`);
  }

  keep({ access_token, refresh_token, expires_in }) {
    const until = expires_in ? this.clock() + expires_in * 1000 : null;
    this.tokens = { access: access_token, refresh: refresh_token ?? this.tokens?.refresh ?? "", until };
    this.store.setItem(SESSION, JSON.stringify(this.tokens));
    this.planRenewal();
  }

  forget() {
    clearTimeout(this.timer);
    this.tokens = null;
    this.store.clear();
  }

  planRenewal() {
    clearTimeout(this.timer);
    if (!this.tokens?.refresh || !this.tokens.until) return;
    const left = this.tokens.until - this.clock();
    this.timer = setTimeout(() => this.renewed(), Math.max(0, Math.min(left - EARLY_MS, left / 2, 2 ** 31 - 1)));
  }
}

export function read(store, name) {
  try {
    return JSON.parse(store.getItem(name));
  } catch {
    return null;
  }
}
