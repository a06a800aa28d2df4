// Asking again and again: every few seconds while somebody looks, ever more rarely while nothing answers, not at all
// while the tab is hidden. Knows nothing of what is asked.

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
    this.wake = () => this.page.visibilityState !== "hidden" && this.now();
    this.sleep = () => this.page.visibilityState === "hidden" && this.hold();
  }

  start(at = "now") {
    this.isStopped = false;
    this.page.addEventListener("visibilitychange", this.wake);
    this.page.addEventListener("visibilitychange", this.sleep);
    this.host.addEventListener("online", this.wake);
    if (at === "now") this.now();
    else this.plan(this.rhythm.every);
  }

  stop() {
    this.isStopped = true;
    this.hold();
    this.page.removeEventListener("visibilitychange", this.wake);
    this.page.removeEventListener("visibilitychange", this.sleep);
    this.host.removeEventListener("online", this.wake);
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
    if (!this.isStopped && this.page.visibilityState !== "hidden") {
      this.plan(wait ?? pause(this.failures, this.rhythm, this.random()));
    }
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
