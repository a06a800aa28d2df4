// A long list of which only what can be seen is in the document. Ten thousand entries cost what thirty do.

import { h } from "./dom.js";

const SPARE = 6;

/** Which rows to draw, from the first to before the second. Pure. */
export function span(scrolled, seen, height, count) {
	const first = Math.max(0, Math.floor(scrolled / height) - SPARE);
	const end = Math.min(count, Math.ceil((scrolled + seen) / height) + SPARE);
	return [Math.min(first, Math.max(0, end - 1)), end];
}

export class Windowed {
	/** `row(entry)` makes a row, `fresh(row, entry)` brings one up to date, `nearEnd()` is called when more is wanted. */
	constructor({ label, row, fresh, keyOf, nearEnd = () => {}, name }) {
		Object.assign(this, { row, fresh, keyOf, nearEnd });
		this.entries = [];
		this.rows = new Map();
		this.inner = h("div", { class: "windowed-inner", role: "presentation" });
		this.element = h("div", { class: "windowed", role: "listbox", tabindex: 0, "aria-label": label, test: name }, this.inner);
		this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
		this.sizes = new ResizeObserver(() => this.measured());
		this.sizes.observe(this.element);
		// Kept here, since asking the document for them in between makes it lay itself out each time.
		this.height = this.top = this.seen = 0;
	}

	/** Shows these entries; what is at the top of the window stays there. */
	show(entries) {
		const anchor = this.anchor();
		this.entries = entries;
		this.draw();
		this.keepAt(anchor);
	}

	draw() {
		this.waiting = 0;
		if (!this.entries.length) {
			this.rows.clear();
			this.inner.replaceChildren();
			this.inner.style.height = "0";
			return;
		}
		this.measure();
		this.inner.style.height = `${this.entries.length * this.height}px`;
		const [first, end] = span(this.top, this.seen || 900, this.height, this.entries.length);
		const wanted = new Map(this.entries.slice(first, end).map((entry, offset) => [this.keyOf(entry), [entry, first + offset]]));
		for (const [key, row] of this.rows) if (!wanted.has(key)) this.forget(key, row);
		let before = null;
		for (const [key, [entry, place]] of wanted) before = this.place(key, entry, place, before);
		if (end >= this.entries.length - SPARE) this.nearEnd();
	}

	/** Scrolls so that a row is seen whole. */
	reveal(place) {
		if (!this.height) return;
		const [top, bottom] = [place * this.height, (place + 1) * this.height];
		if (top < this.top) this.scrollTo(top);
		else if (bottom > this.top + this.seen) this.scrollTo(bottom - this.seen);
	}

	scrollTo(top) {
		this.element.scrollTop = this.top = Math.max(0, top);
		this.draw();
	}

	close() {
		this.sizes.disconnect();
	}

	place(key, entry, place, before) {
		let row = this.rows.get(key);
		if (!row) this.rows.set(key, (row = this.row(entry)));
		this.fresh(row, entry);
		row.setAttribute("aria-posinset", place + 1);
		row.style.transform = `translateY(${place * this.height}px)`;
		const isInPlace = row.parentNode === this.inner && row.previousSibling === before;
		if (!isInPlace) this.inner.insertBefore(row, before ? before.nextSibling : this.inner.firstChild);
		return row;
	}

	forget(key, row) {
		row.remove();
		this.rows.delete(key);
	}

	measure() {
		if (this.height) return;
		const sample = this.row(this.entries[0]);
		sample.removeAttribute("id");
		sample.removeAttribute("data-testid");
		this.inner.append(sample);
		this.height = sample.offsetHeight || 100;
		sample.remove();
	}

	measured() {
		this.height = 0;
		this.seen = this.element.clientHeight;
		if (this.entries.length) this.draw();
	}

	scrolled() {
		this.top = this.element.scrollTop;
		this.waiting ||= requestAnimationFrame(() => this.draw());
	}

	/** The first row that is seen and how far it is scrolled; null at the top. */
	anchor() {
		if (!this.height || this.top < this.height / 2) return null;
		const place = Math.floor(this.top / this.height);
		return this.entries[place] ? { key: this.keyOf(this.entries[place]), offset: this.top - place * this.height } : null;
	}

	keepAt(anchor) {
		if (!anchor) return;
		const place = this.entries.findIndex((entry) => this.keyOf(entry) === anchor.key);
		const top = place * this.height + anchor.offset;
		if (place >= 0 && top !== this.top) this.scrollTo(top);
	}
}
