// Links to pictures run out; for a bin on the screen a fresh one comes with its newest photo.
// Few requests at a time, the latest wish first; wishes that scrolled away before their turn are dropped.

const AT_ONCE = 3;
const WISHES = 40;
const KEPT = 500;

/** Names the photo that a bin shows now; null where it has none. */
export function photoOf(bin) {
	return bin.image ? `${bin.image.bucket}/${bin.image.key}/${bin.image.version ?? bin.image.etag}` : null;
}

export class Newest {
	/** `read(binId)` returns how the bin's newest photo ended. */
	constructor(read) {
		this.read = read;
		this.known = new Map();
		this.wishes = new Map();
		this.running = 0;
	}

	/** The photo that a bin shows, if it was read anew; else null. */
	of(bin) {
		const found = this.known.get(bin.bin_id);
		return found?.photo === photoOf(bin) ? found.outcome : null;
	}

	/** Reads it anew, since its link to the picture has run out; `told` is called with how it ended. */
	again(bin, told) {
		this.known.delete(bin.bin_id);
		this.wish(bin.bin_id, photoOf(bin), told);
	}

	wish(binId, photo, told) {
		const asked = this.wishes.get(binId)?.asked ?? [];
		this.wishes.delete(binId);
		this.wishes.set(binId, { photo, asked: [...asked, told].slice(-4) });
		if (this.wishes.size > WISHES) this.wishes.delete(this.wishes.keys().next().value);
		queueMicrotask(() => this.work());
	}

	async work() {
		if (this.running >= AT_ONCE || !this.wishes.size) return;
		const [binId, { photo, asked }] = [...this.wishes].at(-1);
		this.wishes.delete(binId);
		this.running += 1;
		try {
			const outcome = await this.read(binId);
			this.keep(binId, { photo, outcome: outcome ?? {} });
			for (const told of asked) told(outcome ?? {});
		} catch {
			// The picture stays away; what else is known of the bin does not depend on it.
		}
		this.running -= 1;
		this.work();
	}

	keep(binId, found) {
		this.known.set(binId, found);
		if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
	}
}
