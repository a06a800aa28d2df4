// A long list of which only what can be seen is in the document: rows of one height, as many as fit and a few more.
// Ten thousand entries cost what thirty do.

import { h } from "./dom.js";

const SPARE = 6;

/** Which rows to draw: from the first inclusive to the second exclusive. Pure. */
export function span(scrolled, seen, height, count) {
  const first = Math.max(0, Math.floor(scrolled / height) - SPARE);
  const end = Math.min(count, Math.ceil((scrolled + seen) / height) + SPARE);
  return [Math.min(first, Math.max(0, end - 1)), end];
}

export class Windowed {
  /** `row(entry, place)` makes a row with an id; `fresh(row, entry, place)` brings one up to date; `nearEnd()` when more is wanted. */
  constructor({ label, row, fresh, keyOf, nearEnd = () => {}, name }) {
    Object.assign(this, { row, fresh, keyOf, nearEnd });
    this.entries = [];
    this.rows = new Map();
    this.inner = h("div", { class: "windowed-inner", role: "presentation" });
    this.element = h("div", { class: "windowed", role: "listbox", tabindex: 0, "aria-label": label, "data-testid": name }, this.inner);
    this.element.addEventListener("scroll", () => this.later(), { passive: true });
    this.sizes = new ResizeObserver(() => this.measured());
    this.sizes.observe(this.element);
    this.height = 0;
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
    const [first, end] = span(this.element.scrollTop, this.element.clientHeight || 900, this.height, this.entries.length);
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
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
    this.draw();
  }

  close() {
    this.sizes.disconnect();
  }

  place(key, entry, place, before) {
    let row = this.rows.get(key);
    if (!row) this.rows.set(key, (row = this.row(entry, place)));
    this.fresh(row, entry, place);
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
    const sample = this.row(this.entries[0], 0);
    sample.removeAttribute("id");
    sample.removeAttribute("data-testid");
    this.inner.append(sample);
    this.height = sample.offsetHeight || 100;
    sample.remove();
  }

  measured() {
    this.height = 0;
    if (this.entries.length) this.draw();
  }

  later() {
    this.waiting ||= requestAnimationFrame(() => this.draw());
  }

  /** The first row that is seen, and how far it is scrolled; null at the very top. */
  anchor() {
    const { scrollTop } = this.element;
    if (!this.height || scrollTop < this.height / 2) return null;
    const place = Math.floor(scrollTop / this.height);
    return this.entries[place] ? { key: this.keyOf(this.entries[place]), offset: scrollTop - place * this.height } : null;
  }

  keepAt(anchor) {
    if (!anchor) return;
    const place = this.entries.findIndex((entry) => this.keyOf(entry) === anchor.key);
    if (place < 0) return;
    this.element.scrollTop = place * this.height + anchor.offset;
    this.draw();
  }
}
