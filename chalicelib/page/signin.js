// Signing in at the OIDC issuer: the code flow with PKCE (RFC 7636, S256), state and nonce; renewing, and signing out.

import { read, SigninFailed } from "./session.js";

const PENDING = "bincheck.signin";

/** Goes to the issuer; `back` is the place of the page (its hash) to come back to. */
export async function begin(session, back, go = (url) => location.assign(url)) {
	const [state, nonce, verifier] = [randomText(16), randomText(16), randomText(48)];
	session.store.setItem(PENDING, JSON.stringify({ state, nonce, verifier, back }));
	const { authorize_url, client_id, redirect_uri, scope } = session.config;
	const challenge = { code_challenge: await challengeOf(verifier), code_challenge_method: "S256" };
	go(withQuery(authorize_url, { response_type: "code", client_id, redirect_uri, scope, state, nonce, ...challenge }));
}

/** Whether an address holds an issuer's answer. */
export function isAnswer(address) {
	const answer = new URL(address).searchParams;
	return answer.has("state") && (answer.has("code") || answer.has("error"));
}

/** Takes what the issuer has sent back, and returns the place to go on at. */
export async function finish(session, address) {
	const answer = new URL(address).searchParams;
	const pending = read(session.store, PENDING);
	session.store.removeItem(PENDING);
	if (!pending || pending.state !== answer.get("state")) throw new SigninFailed("This sign-in was not begun in this tab. Sign in once more.");
	if (answer.has("error")) throw new SigninFailed(answer.get("error_description") ?? answer.get("error"));
	const asked = { code: answer.get("code"), redirect_uri: session.config.redirect_uri, code_verifier: pending.verifier };
	const said = await ask(session, { grant_type: "authorization_code", ...asked });
	if (said.id_token && claimsOf(said.id_token).nonce !== pending.nonce) throw new SigninFailed("The issuer's answer belongs to another sign-in.");
	session.keep(said);
	return pending.back ?? "";
}

/** Gets a fresh token by the refresh token, if there is one; whether it did. */
export async function renew(session) {
	const refresh_token = session.tokens?.refresh;
	if (!refresh_token) return false;
	try {
		session.keep(await ask(session, { grant_type: "refresh_token", refresh_token }));
		return true;
	} catch (error) {
		// Only the issuer's no ends the refresh token; no answer may be the network's fault.
		if (error instanceof SigninFailed) session.keep({ access_token: session.tokens.access, refresh_token: "" });
		return false;
	}
}

/** Forgets the tokens, and goes to the issuer's sign-out if it has one. */
export function leave(session, go = (url) => location.assign(url)) {
	session.forget();
	const { logout_url, client_id, redirect_uri } = session.config;
	// Cognito asks for logout_uri, OpenID's own sign-out for post_logout_redirect_uri.
	const back = { client_id, logout_uri: redirect_uri, post_logout_redirect_uri: redirect_uri };
	go(logout_url ? withQuery(logout_url, back) : redirect_uri);
}

/** Asks the issuer for tokens. */
async function ask(session, values) {
	const { token_url, client_id } = session.config;
	const answer = await session.fetch(token_url, {
		method: "POST",
		headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
		body: new URLSearchParams({ client_id, ...values }),
		credentials: "omit",
	});
	const said = await answer.json().catch(() => ({}));
	if (answer.ok && said.access_token) return said;
	if (answer.status >= 500) throw new Error(`The issuer answered ${answer.status}.`);
	throw new SigninFailed(said.error_description ?? said.error ?? `The issuer answered ${answer.status}.`);
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
	const whole = new URL(url);
	for (const [name, value] of Object.entries(values)) whole.searchParams.set(name, value);
	return whole.href;
}
