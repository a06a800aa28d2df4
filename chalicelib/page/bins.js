// A bin's own page: the bin as in the queue, and beside it all that happened to it, newest first.

import { entriesOf, query } from "./api.js";
import { distribution } from "./bars.js";
import { action } from "./deeds.js";
import { dialog } from "./dialog.js";
import { announce, fill, h, icon } from "./dom.js";
import { many, moment, percent } from "./format.js";
import { Pane } from "./pane.js";
import { empty, failed, loading } from "./states.js";
import { woven } from "./timeline.js";
import { REASONS, rejection, stateOf, STATES } from "./words.js";

const PAGE = 20;
const SOURCES = ["inspections", "resolutions", "audit"];
const SAID_ELSEWHERE = new Set(["resolution", "reopening"]);

export function view(app, binId) {
	return new BinPage(app, binId);
}

class BinPage {
	constructor(app, binId) {
		Object.assign(this, { app, binId, title: binId });
		this.place = h("div", null, loading("Loading the timeline", 4));
		this.foot = h("div", { class: "row" });
		const timeline = h("section", { class: "timeline", "aria-labelledby": "timeline-title" }, h("h2", { id: "timeline-title" }, "Timeline"), this.place, this.foot);
		this.pane = new Pane(app, binId, { isPage: true, acted: () => this.read(), changed: () => this.read() });
		this.element = h("div", { class: "bin-page" }, this.pane.element, timeline);
		this.poller = this.pane.poller;
		this.read();
	}

	stop() {
		this.isGone = true;
		this.pane.stop();
	}

	command(name, text) {
		if (this.pane.command(name, text)) return true;
		if (name !== "escape") return false;
		location.hash = `#/queue/${this.app.site}`;
		return true;
	}

	/** Reads the beginning of each list anew; what was shown of earlier times is asked for again by whoever wants it. */
	async read() {
		try {
			const lists = await Promise.all(SOURCES.map((name) => this.page(name)));
			if (this.isGone) return;
			this.lists = lists;
			this.draw();
		} catch (error) {
			if (!this.isGone && !this.lists) fill(this.place, failed(error, () => this.read()));
		}
	}

	async page(name, cursor = null) {
		const { body } = await this.app.api.get(query(`v1/bins/${this.binId}/${name}`, { limit: PAGE, cursor }));
		const entries = entriesOf(body).map((entry) => ({ ...entry, source: name }));
		return { name, cursor: body.cursor, entries };
	}

	async earlier() {
		fill(this.foot, loading("Loading earlier events", 1));
		try {
			this.lists = await Promise.all(this.lists.map((list) => this.further(list)));
			this.draw();
		} catch (error) {
			fill(this.foot, failed(error, () => this.earlier()));
		}
	}

	async further(list) {
		if (!list.cursor) return list;
		const page = await this.page(list.name, list.cursor);
		return { ...page, entries: [...list.entries, ...page.entries] };
	}

	draw() {
		// A resolution is in both lists; the one of resolutions says more.
		const events = woven(this.lists).filter((event) => event.source !== "audit" || !SAID_ELSEWHERE.has(event.action));
		const goesOn = this.lists.some((list) => list.cursor);
		fill(this.place, events.length ? h("ol", { class: "events", test: "timeline" }, events.map((event) => this.event(event))) : empty("Nothing has happened yet", "Photos, and what people do, appear here."));
		fill(this.foot, goesOn && h("button", { onclick: () => this.earlier() }, "Show earlier"));
		announce(many(events.length, "event"));
	}

	event(event) {
		const [picture, title, ...more] = this.shown(event);
		return h("li", { class: "event" }, picture, h("div", { class: "what" }, h("div", { class: "row" }, title, h("time", { class: "hint", datetime: event.at }, moment(event.at))), more));
	}

	shown(event) {
		if (event.type === "inspection") return this.inspection(event);
		if (event.type === "rejection") return [this.picture(event), h("span", { class: "strong" }, "Photo rejected"), h("p", null, `It could not be judged: ${rejection(event.reason)}.`), h("p", { class: "hint" }, event.message)];
		if (event.type === "resolution") return this.resolution(event);
		if (event.type === "reopening") return [mark("trail"), h("span", { class: "strong" }, `${this.name(event.by)} reopened the bin`), quote(event.note)];
		return [mark("person"), h("span", { class: "strong" }, `${this.name(event.by)} ${action(event)}`), quote(event.note)];
	}

	inspection(event) {
		const verdict = stateOf({ ...event, status: event.verdict });
		const parts = [`Counted ${event.predicted}`, event.expected === null ? "nothing expected" : `expected ${event.expected}`, event.probability_of_mismatch !== null && `${percent(event.probability_of_mismatch)} likely wrong`];
		return [
			this.picture(event),
			h("span", { class: `tag ${event.verdict}` }, verdict),
			h("p", null, parts.filter(Boolean).join(" · ")),
			distribution(event.probabilities, event.expected),
			h("p", { class: "hint" }, [event.model, event.policy && `policy ${event.policy}`].filter(Boolean).join(", ")),
		];
	}

	resolution(event) {
		const compared = event.expected === null ? "" : event.is_wrong ? `, expected were ${event.expected}` : ", as expected";
		return [
			mark("check"),
			h("span", { class: "strong" }, `${this.name(event.by)} ${event.corrects ? "corrected it" : "resolved the bin"}: it holds ${event.true_count}`),
			h("p", null, `${REASONS[event.reason] ?? event.reason}${compared}`),
			event.stood?.status && h("p", { class: "hint" }, `It stood as: ${(STATES[event.stood.status] ?? event.stood.status).toLowerCase()}`),
			quote(event.note),
		];
	}

	picture(event) {
		if (!event.picture_url) return mark("camera");
		const text = `Photo of ${moment(event.at)}`;
		const picture = h("img", { src: event.picture_url, alt: text, loading: "lazy", decoding: "async" });
		const show = () => dialog(`${this.binId}, ${moment(event.at)}`, h("img", { src: event.picture_url, alt: text }), { name: "zoomed" });
		const button = h("button", { class: "picture", onclick: show }, picture);
		picture.addEventListener("error", () => button.replaceWith(mark("camera")));
		return button;
	}

	name(by) {
		return by === this.app.me.name ? "You" : by;
	}
}

function mark(name) {
	return h("span", { class: "picture" }, icon(name));
}

function quote(note) {
	return note ? h("blockquote", null, note) : null;
}
