// Asking again and again: ever more rarely while nothing answers, not at all while the tab is hidden.

const FACTOR = 2;

/** Milliseconds until the next try after so many failures in a row; `random` (0 to 1) spreads many pages' tries. */
export function pause(failures, { every, most }, random = 0.5) {
	const plain = Math.min(most, every * FACTOR ** failures);
	return Math.round(plain * (failures === 0 ? 1 : 0.75 + random / 2));
}

/** Calls `run` again and again; an error thrown by it is told to `failed` and makes the pauses longer. */
export class Poller {
	constructor({ every, most, run, failed = () => {}, random = Math.random, page = document, host = window }) {
		Object.assign(this, { rhythm: { every, most }, run, failed, random, page, host });
		this.failures = 0;
		this.timer = null;
		this.isStopped = true;
		this.running = null;
		this.look = () => (this.isHidden ? this.hold() : this.now());
	}

	get isHidden() {
		return this.page.visibilityState === "hidden";
	}

	start(delay = 0) {
		this.isStopped = false;
		this.page.addEventListener("visibilitychange", this.look);
		this.host.addEventListener("online", this.look);
		if (delay) this.plan(delay);
		else this.now();
	}

	stop() {
		this.isStopped = true;
		this.hold();
		this.page.removeEventListener("visibilitychange", this.look);
		this.host.removeEventListener("online", this.look);
	}

	/** Asks at once; while an answer is awaited, that one is what the caller gets. */
	now() {
		this.hold();
		this.running ??= this.once().finally(() => (this.running = null));
		return this.running;
	}

	async once() {
		let wait = null;
		try {
			await this.run();
			this.failures = 0;
		} catch (error) {
			this.failures += 1;
			wait = error.retryAfter ? error.retryAfter * 1000 : null;
			this.failed(error);
		}
		if (!this.isStopped && !this.isHidden) this.plan(wait ?? pause(this.failures, this.rhythm, this.random()));
	}

	plan(milliseconds) {
		this.hold();
		this.timer = setTimeout(() => this.now(), milliseconds);
	}

	hold() {
		clearTimeout(this.timer);
		this.timer = null;
	}
}
