// Who works here: the tokens of this tab, in memory and sessionStorage. How they are got and renewed is `signin.js`.

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
		this.renewal ??= import("./signin.js").then((signin) => signin.renew(this)).finally(() => (this.renewal = null));
		return this.renewal;
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
