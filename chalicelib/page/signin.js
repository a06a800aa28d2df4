// Signing in at the OIDC issuer: the code flow with PKCE (RFC 7636, S256), state and nonce. Tokens live in this tab
// alone (memory and sessionStorage). An access token that runs out is renewed by the refresh token, if there is one.

const SESSION = "bincheck.session";
const PENDING = "bincheck.signin";
const EARLY_MS = 60_000;

/** Why nobody could be signed in, in words that may be shown. */
export class SigninFailed extends Error {}

export class Session {
  /** `ended()` is called when the issuer gives no further token: who works here is to be asked. */
  constructor({ config, store = sessionStorage, fetch = globalThis.fetch.bind(globalThis), clock = Date.now, ended = () => {} }) {
    Object.assign(this, { config, store, fetch, clock, ended });
    this.tokens = read(store, SESSION);
    this.renewal = null;
    this.timer = null;
    this.planRenewal();
  }

  get isOpen() {
    return Boolean(this.tokens?.access);
  }

  token() {
    return this.tokens?.access ?? "";
  }

  /** Goes to the issuer; `back` is the place of the page (its hash) to come back to. */
  async begin(back, go = (url) => location.assign(url)) {
    const [state, nonce, verifier] = [randomText(16), randomText(16), randomText(48)];
    this.store.setItem(PENDING, JSON.stringify({ state, nonce, verifier, back }));
    const { authorize_url, client_id, redirect_uri, scope } = this.config;
    const asked = {
      response_type: "code",
      client_id,
      redirect_uri,
      scope,
      state,
      nonce,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
    };
    go(withQuery(authorize_url, asked));
  }

  /** Takes what the issuer has sent back; returns the place to go to, or null where the address holds no answer. */
  async finish(address) {
    const answer = new URL(address).searchParams;
    if (!answer.has("state") || !(answer.has("code") || answer.has("error"))) return null;
    const pending = read(this.store, PENDING);
    this.store.removeItem(PENDING);
    if (!pending || pending.state !== answer.get("state")) throw new SigninFailed("This sign-in was not begun in this tab.");
    if (answer.has("error")) throw new SigninFailed(answer.get("error_description") ?? answer.get("error"));
    const { redirect_uri } = this.config;
    const said = await this.ask({ grant_type: "authorization_code", code: answer.get("code"), redirect_uri, code_verifier: pending.verifier });
    if (said.id_token && claimsOf(said.id_token).nonce !== pending.nonce) throw new SigninFailed("The issuer's answer belongs to another sign-in.");
    this.keep(said);
    return pending.back ?? "";
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

  /** Forgets the tokens, and goes to the issuer's sign-out if it has one. */
  leave(go = (url) => location.assign(url)) {
    clearTimeout(this.timer);
    this.tokens = null;
    this.store.clear();
    const { logout_url, client_id, redirect_uri } = this.config;
    // Cognito asks for logout_uri, OpenID's own sign-out for post_logout_redirect_uri.
    go(logout_url ? withQuery(logout_url, { client_id, logout_uri: redirect_uri, post_logout_redirect_uri: redirect_uri }) : redirect_uri);
  }

  async ask(values) {
    const answer = await this.fetch(this.config.token_url, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
      body: new URLSearchParams({ client_id: this.config.client_id, ...values }),
      credentials: "omit",
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok && said.access_token) return said;
    if (answer.status >= 500) throw new Error(`the issuer answered ${answer.status}`);
    throw new SigninFailed(said.error_description ?? said.error ?? `The issuer answered ${answer.status}.`);
  }

  keep({ access_token, refresh_token, expires_in }) {
    const until = expires_in ? this.clock() + expires_in * 1000 : null;
    this.tokens = { access: access_token, refresh: refresh_token ?? this.tokens?.refresh ?? "", until };
    this.store.setItem(SESSION, JSON.stringify(this.tokens));
    this.planRenewal();
  }

  planRenewal() {
    clearTimeout(this.timer);
    if (!this.tokens?.refresh || !this.tokens.until) return;
    const left = this.tokens.until - this.clock();
    this.timer = setTimeout(() => this.renewed(), Math.max(0, Math.min(left - EARLY_MS, left / 2, 2 ** 31 - 1)));
  }
}

/** The challenge of a verifier: its SHA-256, as base64url without padding. */
export async function challengeOf(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** What a JWT says; it came from the issuer itself over TLS, so that its signature need not be verified here. */
export function claimsOf(token) {
  const part = token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (one) => one.charCodeAt(0))));
  } catch {
    return {};
  }
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function randomText(bytes) {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

function withQuery(url, values) {
  const whole = new URL(url, document.baseURI);
  for (const [name, value] of Object.entries(values)) whole.searchParams.set(name, value);
  return whole.href;
}

function read(store, name) {
  try {
    return JSON.parse(store.getItem(name));
  } catch {
    return null;
  }
}
