// The one place that sends requests. It carries the token, remembers what was answered by its ETag, and turns all that
// can go wrong into one of three errors.

const PATIENCE_MS = 20_000;
const REMEMBERED = 60;

/** The API says no: `status`, `code`, a message for people, and the places (`errors`) if there are several. */
export class Problem extends Error {
	constructor(status, body, retryAfter = null) {
		super(body?.message ?? body?.detail ?? `the service answered ${status}`);
		this.name = "Problem";
		this.status = status;
		this.code = body?.error ?? "unknown";
		this.errors = Array.isArray(body?.errors) ? body.errors : [];
		this.body = body ?? {};
		this.retryAfter = retryAfter;
	}
}

/** Nothing has answered: whether the request arrived is not known. */
export class NoAnswer extends Error {
	constructor(cause) {
		super("no answer from the service");
		this.name = "NoAnswer";
		this.cause = cause;
	}
}

/** The token is no longer taken and could not be renewed. */
export class SessionEnded extends Error {
	constructor() {
		super("the session has ended");
		this.name = "SessionEnded";
	}
}

/** What an action is sent under: repeats of the same content have the same key, other content has another one. */
export class Intent {
	constructor(makeKey = randomKey, known = null) {
		this.makeKey = makeKey;
		this.content = known?.content ?? null;
		this.key = known?.key ?? null;
	}

	keyFor(content) {
		const text = JSON.stringify(content ?? null);
		if (text !== this.content || this.key === null) {
			this.content = text;
			this.key = this.makeKey();
		}
		return this.key;
	}

	/** Doing the same once more is another action. */
	done() {
		this.content = this.key = null;
	}
}

export class Api {
	/** `session` has `token()`, `renewed()` (whether there is a fresh one) and `ended()`; `heard(isAnswered)` hears of every try. */
	constructor({ base = "", session, fetch = globalThis.fetch.bind(globalThis), heard = () => {} }) {
		Object.assign(this, { base, session, fetch, heard });
		this.remembered = new Map();
	}

	/** Reads; `etag` is what a change must name. What has not changed since (304) comes from memory, unless `anew`. */
	async get(path, { anew = false } = {}) {
		const known = anew ? null : this.remembered.get(path);
		const headers = known?.etag ? { "If-None-Match": known.etag } : {};
		const answer = await this.send(path, { headers });
		if (answer.status === 304 && known) return { ...known, isNew: false };
		const read = { body: await answer.json(), etag: answer.headers.get("ETag") };
		this.remember(path, read);
		return { ...read, isNew: true };
	}

	/** Changes something: `version` is what it was decided on, `key` the Idempotency-Key, `text` a body as it is. */
	async change(path, { method = "POST", body, text = JSON.stringify(body ?? {}), version, key, type = "application/json" } = {}) {
		const headers = { "Content-Type": type };
		if (version !== null && version !== undefined) headers["If-Match"] = quoted(version);
		if (key) headers["Idempotency-Key"] = key;
		const answer = await this.send(path, { method, headers, body: text });
		this.remembered.clear();
		return { body: await answer.json(), etag: answer.headers.get("ETag") };
	}

	async send(path, request) {
		let answer = await this.tried(path, request);
		if (answer.status === 401 && (await this.session.renewed())) answer = await this.tried(path, request);
		if (answer.status === 401) {
			this.session.ended();
			throw new SessionEnded();
		}
		if (answer.ok || answer.status === 304) return answer;
		throw new Problem(answer.status, await bodyOf(answer), retryAfter(answer));
	}

	async tried(path, { method = "GET", headers = {}, body } = {}) {
		const request = {
			method,
			body,
			headers: { Accept: "application/json", ...headers, Authorization: `Bearer ${this.session.token()}` },
			signal: AbortSignal.timeout(PATIENCE_MS),
			cache: "no-store",
			credentials: "omit",
		};
		try {
			const answer = await this.fetch(this.base + path, request);
			this.heard(true);
			return answer;
		} catch (error) {
			this.heard(false);
			throw new NoAnswer(error);
		}
	}

	remember(path, read) {
		this.remembered.delete(path);
		if (!read.etag) return;
		this.remembered.set(path, read);
		if (this.remembered.size > REMEMBERED) this.remembered.delete(this.remembered.keys().next().value);
	}
}

/** A path with a query: of `values` what is not empty, and `always` as it is. */
export function query(path, values, always = {}) {
	const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
	const all = [...Object.entries(always), ...given];
	return all.length ? `${path}?${new URLSearchParams(all)}` : path;
}

/** The entries of a list's answer, whatever they are called there. */
export function entriesOf(body) {
	return Object.values(body ?? {}).find(Array.isArray) ?? [];
}

/** A version as an ETag. */
export function quoted(version) {
	const text = String(version);
	return text.startsWith('"') || text.startsWith("W/") ? text : `"${text}"`;
}

export function randomKey() {
	return crypto.randomUUID();
}

async function bodyOf(answer) {
	try {
		return await answer.json();
	} catch {
		return null;
	}
}

function retryAfter(answer) {
	const seconds = Number(answer.headers.get("Retry-After"));
	return seconds > 0 ? seconds : null;
}
