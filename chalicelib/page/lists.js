// A list that goes on: its first page at once, further ones when they are asked for, and honest about what it has not.

import { entriesOf } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { many } from "./format.js";
import { failed, loading } from "./states.js";

export class Paged {
	/** `path(cursor)` is what is read, `draw(entries)` makes children of all that was read, `none()` what stands for nothing. */
	constructor(api, { path, draw, none, noun }) {
		Object.assign(this, { api, path, draw, none, noun });
		this.entries = [];
		this.cursor = null;
		this.place = h("div", null, loading(`Loading ${noun}s`));
		this.foot = h("div", { class: "row" });
		this.element = h("div", null, this.place, this.foot);
	}

	async more() {
		fill(this.foot, this.entries.length > 0 && loading("Loading more", 1));
		try {
			const { body } = await this.api.get(this.path(this.cursor));
			this.take(entriesOf(body), body.cursor);
		} catch (error) {
			this.missed(error);
		}
	}

	take(entries, cursor) {
		const isFirst = this.entries.length === 0;
		this.entries = [...this.entries, ...entries];
		this.cursor = cursor ?? null;
		fill(this.place, this.entries.length ? this.draw(this.entries) : this.none());
		fill(this.foot, this.cursor && h("button", { test: "more", onclick: () => this.more() }, "Show more"));
		if (!isFirst) announce(`${many(entries.length, this.noun)} more.`);
	}

	missed(error) {
		const panel = failed(error, () => this.more());
		if (this.entries.length) fill(this.foot, panel);
		else fill(this.place, panel);
	}
}

/** A table in a box that scrolls by itself where the screen is narrow; `columns` are names, those of numbers start with "#". */
export function table(label, columns, rows) {
	const head = columns.map((name) => h("th", { scope: "col", class: name.startsWith("#") ? "num" : null }, name.replace("#", "")));
	const cell = (value, place) => h(place ? "td" : "th", { scope: place ? null : "row", class: columns[place].startsWith("#") ? "num" : null }, value);
	const body = rows.map((row) => h("tr", null, row.map(cell)));
	return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, body)));
}
