// The attention queue of a site, the dearest bin first. It keeps itself up to date without moving what somebody works
// on, and shows the chosen bin beside the list.

import { entriesOf, query } from "./api.js";
import { distribution } from "./bars.js";
import { announce, fill, h, icon, key, refill } from "./dom.js";
import { age, count, many, moment } from "./format.js";
import { appended, compared, renewed } from "./merge.js";
import { photoOf } from "./newest.js";
import { Pane } from "./pane.js";
import { Poller } from "./poll.js";
import { empty, failed, loading, toast } from "./states.js";
import { brief, SEVERITIES, stateOf, waits } from "./words.js";
import { Windowed } from "./windowed.js";

const PAGE = 50;
const RHYTHM = { every: 4000, most: 60_000 };
const AT_WORK_MS = 4000;

const FILTERS = {
	all: ["Everything", { attention: "true" }],
	mismatch: ["Mismatches", { status: "mismatch" }],
	review: ["Reviews", { status: "review" }],
	unexpected: ["Unexpected bins", { status: "unexpected" }],
	rejected: ["Rejected photos", { status: "rejected" }],
	high: ["High severity", { severity: "high" }],
	mine: ["Assigned to me", (me) => ({ assignee: me })],
};

export class Queue {
	constructor(app, site, binId) {
		Object.assign(this, { app, site, chosen: binId ?? null });
		this.filter = "all";
		this.ended = new Map();
		this.touched = 0;
		this.forget();
		this.build();
		this.poller = new Poller({ ...RHYTHM, run: () => this.poll(), failed: (error) => this.missed(error) });
		this.poller.start();
		if (binId) this.choose(binId, { isOpened: true });
	}

	stop() {
		this.isGone = true;
		this.poller.stop();
		this.pane?.stop();
		this.list.close();
		removeEventListener("pointerdown", this.touch);
	}

	forget() {
		this.shown = [];
		this.added = [];
		this.cursor = null;
		this.isRead = false;
	}

	path(cursor = null) {
		const [, wanted] = FILTERS[this.filter];
		const values = typeof wanted === "function" ? wanted(this.app.me.name) : wanted;
		return query("v1/bins", { ...values, sort: "cost", pictures: "true", limit: PAGE, cursor }, { site: this.app.siteText(this.site) });
	}

	/** Shows another part of the queue. */
	narrow(filter) {
		this.filter = filter;
		this.forget();
		this.list.element.hidden = true;
		this.state.lastFact = null;
		fill(this.state, loading("Loading the queue", 5));
		this.poller.now();
	}

	async poll() {
		const { filter } = this;
		const { body, isNew } = await this.app.api.get(this.path());
		if (this.isGone) return;
		if (this.filter !== filter) return this.poll();
		// Lists lag behind: one may still have what was resolved here a moment ago.
		const page = entriesOf(body).filter((bin) => !(bin.version <= this.ended.get(bin.bin_id)));
		if (!this.isRead) this.begin(page, body.cursor);
		else if (isNew) await this.meet(page, !body.cursor);
	}

	begin(page, cursor) {
		[this.shown, this.cursor, this.isRead] = [page, cursor, true];
		this.draw();
		if (!this.chosen && page.length && this.app.isWide()) this.choose(page[0].bin_id, { isQuiet: true });
	}

	/** Brings what is shown up to date with a fresh first page; entries keep their places while somebody works. */
	async meet(page, isWhole) {
		const gone = await this.confirmed(compared(this.shown, page, { isWhole, goesOn: Boolean(this.cursor) }).missing);
		if (this.isGone) return;
		// Compared anew: while the answers were on their way, somebody may have worked on.
		const found = compared(this.shown, page, { isWhole, goesOn: Boolean(this.cursor) });
		const leaving = new Set(gone.filter((bin) => bin.bin_id !== this.chosen).map((bin) => bin.bin_id));
		this.shown = found.bins.filter((bin) => !leaving.has(bin.bin_id));
		if (isWhole) this.cursor = null;
		this.added = found.added;
		const known = new Set([...this.shown, ...this.added].map((bin) => bin.bin_id));
		this.lastPage = page.filter((bin) => known.has(bin.bin_id));
		if (this.added.length && !this.isAtWork) this.takeAdded({ isQuiet: true });
		this.draw();
		this.tellAdded();
	}

	/** Of bins that a page no longer has, those that really wait no more; the others have moved behind it. */
	async confirmed(missing) {
		const asked = missing.slice(0, 10).map(async (bin) => {
			try {
				const { body } = await this.app.api.get(`v1/bins/${bin.bin_id}`);
				const place = this.shown.findIndex((one) => one.bin_id === bin.bin_id);
				if (place >= 0) this.shown[place] = body;
				return waits(body) ? null : body;
			} catch {
				return null;
			}
		});
		return (await Promise.all(asked)).filter(Boolean);
	}

	async more() {
		if (!this.cursor || this.isReading) return;
		this.isReading = true;
		try {
			const { body } = await this.app.api.get(this.path(this.cursor));
			if (this.isGone) return;
			this.shown = appended(this.shown, entriesOf(body));
			this.cursor = body.cursor;
			this.moreFailed = null;
		} catch (error) {
			this.moreFailed = error;
		}
		this.isReading = false;
		this.draw();
	}

	missed(error) {
		if (!this.isRead && !this.isGone) fill(this.state, failed(error, () => this.poller.now()));
	}

	get isAtWork() {
		return this.pane?.isBusy || this.element.classList.contains("has-open") || Date.now() - this.touched < AT_WORK_MS || this.list.top > this.list.height;
	}

	takeAdded({ isQuiet = false } = {}) {
		const number = this.added.length;
		if (!number) return;
		this.shown = renewed(this.shown, this.lastPage ?? this.added);
		this.added = [];
		if (isQuiet) announce(`${many(number, "new bin")} in the queue.`);
		else this.list.scrollTo(0);
		this.draw();
		this.tellAdded();
		if (!this.chosen && this.app.isWide()) this.choose(this.shown[0].bin_id, { isQuiet: true });
	}

	tellAdded() {
		const number = this.added.length;
		const isMore = number > (this.toldAdded ?? 0);
		this.toldAdded = number;
		refill(this.news, number, () => number > 0 && h("button", { class: "news", test: "news", onclick: () => this.takeAdded() }, `${many(number, "new bin")}: show`, key("n")));
		if (isMore) announce(`${many(number, "new bin")} in the queue. Press n to show.`);
	}

	command(name, text) {
		this.touched = Date.now();
		if (name === "next") return this.step(1);
		if (name === "previous") return this.step(-1);
		if (name === "new") return this.takeAdded(), true;
		if (name === "undo") return this.undo?.() ?? false;
		if (this.pane?.command(name, text)) return true;
		if (name === "enter" && this.chosen) return (location.hash = `#/bins/${this.chosen}`), true;
		if (name === "escape" && this.element.classList.contains("has-open")) return this.shut(), true;
		return false;
	}

	step(by) {
		if (!this.shown.length) return true;
		const place = this.place(this.chosen);
		const next = place < 0 ? 0 : Math.min(this.shown.length - 1, Math.max(0, place + by));
		this.choose(this.shown[next].bin_id);
		return true;
	}

	place(binId) {
		return this.shown.findIndex((bin) => bin.bin_id === binId);
	}

	choose(binId, { isOpened = false, isQuiet = false } = {}) {
		const summary = this.shown.find((bin) => bin.bin_id === binId) ?? null;
		if (this.chosen !== binId || !this.pane) {
			this.forgetDone(binId);
			this.chosen = binId;
			this.pane?.stop();
			this.pane = new Pane(this.app, binId, {
				summary,
				acted: (...done) => this.acted(...done),
				changed: (bin) => this.update(bin),
				close: () => this.shut(),
			});
			fill(this.side, this.pane.element);
			if (this.sideTop) this.side.scrollTop = 0;
		}
		if (isOpened) this.open();
		this.app.replaceHash(`#/queue/${this.site}/${binId}`, isOpened && !this.app.isWide());
		this.draw();
		const place = this.place(binId);
		if (place >= 0) this.list.reveal(place);
		if (!isQuiet && summary && document.activeElement !== this.list.element) announce(`${binId}, ${stateOf(summary)}, ${brief(summary)}`);
	}

	/** On a narrow screen the bin covers the list until it is shut. */
	open() {
		if (this.app.isWide()) return;
		this.element.classList.add("has-open");
		this.pane.element.querySelector(".back")?.focus({ preventScroll: true });
	}

	shut() {
		this.element.classList.remove("has-open");
		this.app.replaceHash(`#/queue/${this.site}`);
		this.list.element.focus({ preventScroll: true });
	}

	/** A bin that has left the queue stays while it is looked at, and goes with the next choice. */
	forgetDone(next) {
		this.shown = this.shown.filter((bin) => bin.bin_id === next || bin.bin_id !== this.chosen || waits(bin));
	}

	update(bin) {
		const place = this.place(bin.bin_id);
		if (place < 0) return;
		this.shown[place] = { ...this.shown[place], ...bin };
		this.draw();
	}

	acted(kind, bin, before) {
		this.touched = Date.now();
		if (kind !== "resolution") return;
		const place = this.place(bin.bin_id);
		this.ended.set(bin.bin_id, bin.version);
		this.shown = this.shown.filter((one) => one.bin_id !== bin.bin_id);
		this.undo = () => (this.takeBack(bin, before), true);
		toast(`${bin.bin_id} is resolved.`, { action: { label: "Undo", run: () => this.takeBack(bin, before) }, kind: "good" });
		const next = this.shown[Math.min(Math.max(0, place), this.shown.length - 1)];
		this.pane.stop();
		this.pane = null;
		this.chosen = null;
		if (next && this.app.isWide()) this.choose(next.bin_id);
		else {
			fill(this.side, this.hint());
			this.shut();
		}
		this.draw();
		this.poller.now();
	}

	async takeBack(bin, before) {
		this.undo = null;
		try {
			const asks = await import("./asks.js");
			const now = await asks.takeBack(this.app, bin);
			this.shown = [{ ...before, ...now }, ...this.shown];
			this.choose(bin.bin_id, { isOpened: true });
		} catch (error) {
			toast(`${bin.bin_id} could not be reopened: ${error.message}`, { kind: "bad", action: { label: "Open it", run: () => (location.hash = `#/bins/${bin.bin_id}`) } });
		}
	}

	build() {
		this.news = h("div", { class: "news-place" });
		this.state = h("div", { class: "state" }, loading("Loading the queue", 5));
		this.heading = h("p", { class: "sum", test: "sum" });
		this.list = new Windowed({
			label: `Bins of ${this.app.siteName(this.site)} that wait for a person, the dearest first`,
			name: "queue",
			keyOf: (bin) => bin.bin_id,
			row: (bin) => this.row(bin),
			fresh: (row, bin) => this.freshen(row, bin),
			nearEnd: () => this.more(),
		});
		this.list.element.hidden = true;
		this.side = h("section", { class: "side", "aria-label": "Chosen bin", onscroll: () => (this.sideTop = this.side.scrollTop) }, this.hint());
		const options = Object.entries(FILTERS).map(([value, [text]]) => h("option", { value }, text));
		const filter = h("select", { "aria-label": "Show", test: "filter", onchange: () => this.narrow(filter.value) }, options);
		const head = h("div", { class: "queue-head" }, h("span", { class: "strong", "aria-hidden": "true" }, "Queue"), this.heading, filter);
		this.element = h("div", { class: "queue" }, h("h1", { class: "hidden" }, "Attention queue"), h("section", { class: "main", "aria-label": "Queue" }, head, this.news, this.state, this.list.element), this.side);
		this.touch = () => (this.touched = Date.now());
		addEventListener("pointerdown", this.touch);
	}

	hint() {
		return h("p", { class: "hint big" }, "Choose a bin: with j and k, or by a click.");
	}

	draw() {
		if (!this.isRead || this.isGone) return;
		const number = this.shown.filter(waits).length;
		const isEmpty = this.shown.length === 0;
		refill(this.heading, [number, this.cursor === null], () => (this.cursor ? `${count(number)}+ bins` : many(number, "bin")));
		this.list.element.hidden = isEmpty;
		refill(this.state, [isEmpty, this.filter, this.moreFailed?.message], () => this.stateNow(isEmpty));
		this.list.show(this.shown);
		this.list.element.setAttribute("aria-activedescendant", this.list.rows.has(this.chosen) ? rowId(this.chosen) : "");
		if (isEmpty && !this.chosen) fill(this.side, this.hint());
	}

	stateNow(isEmpty) {
		if (this.moreFailed) return failed(this.moreFailed, () => ((this.moreFailed = null), this.more()));
		return isEmpty && (this.filter === "all" ? empty("Nothing waits at this site", "New bins appear here by themselves.") : empty("None of these wait", "The filter above shows others."));
	}

	row(bin) {
		const row = h("div", { class: "bin", role: "option", id: rowId(bin.bin_id), test: `bin-${bin.bin_id}`, onclick: () => this.choose(row.dataset.bin, { isOpened: true, isQuiet: true }) });
		row.dataset.bin = bin.bin_id;
		row.parts = { photo: h("div", { class: "thumb" }), text: h("div", { class: "text" }), shape: h("div", { class: "shape" }) };
		row.append(row.parts.photo, row.parts.text, row.parts.shape);
		return row;
	}

	freshen(row, bin) {
		const isChosen = bin.bin_id === this.chosen;
		row.setAttribute("aria-selected", isChosen);
		row.setAttribute("aria-setsize", this.cursor ? -1 : this.shown.length);
		row.classList.toggle("done", !waits(bin));
		this.thumb(row.parts.photo, bin);
		const now = Date.now();
		const fact = [stateOf(bin), bin.severity, bin.expected, bin.predicted, brief(bin), bin.assignee, bin.alert?.state, bin.alert?.by, bin.photo_requested_at, age(bin.changed_at, now)];
		refill(row.parts.text, fact, () => this.text(bin, now));
		refill(row.parts.shape, [bin.probabilities, bin.expected], () => bin.probabilities && distribution(bin.probabilities, bin.expected));
	}

	thumb(place, bin) {
		const shown = String(photoOf(bin));
		const url = bin.picture_url ?? this.app.newest.of(bin)?.picture_url;
		if (place.dataset.shown === shown && (place.dataset.has || !url)) return;
		place.dataset.shown = shown;
		place.dataset.has = url ? "1" : "";
		if (!url) return void fill(place, icon("camera"));
		const picture = h("img", { src: url, alt: "", decoding: "async" });
		picture.addEventListener("error", () => {
			fill(place, icon("camera"));
			if (place.dataset.retried !== shown) this.app.newest.again(bin, (outcome) => outcome.picture_url && ((place.dataset.has = ""), this.thumb(place, { ...bin, picture_url: outcome.picture_url })));
			place.dataset.retried = shown;
		});
		fill(place, picture);
	}

	text(bin, now) {
		const acknowledged = bin.alert?.state === "acknowledged";
		const who = bin.assignee ?? (acknowledged ? bin.alert.by : null);
		return [
			h("div", { class: "line" }, h("span", { class: "name" }, bin.bin_id), h("time", { class: "age", datetime: bin.changed_at, title: `Waits since ${moment(bin.changed_at)}` }, age(bin.changed_at, now))),
			h("div", { class: "line" }, h("span", { class: `tag ${bin.status}` }, stateOf(bin)), bin.severity && bin.status === "mismatch" && h("span", { class: `tag severity ${bin.severity}` }, SEVERITIES[bin.severity]), h("span", { class: "counts" }, h("b", null, count(bin.predicted)), " of ", h("b", null, count(bin.expected)), h("span", { class: "hidden" }, " expected"))),
			h("div", { class: "line small" }, h("span", { class: "brief" }, brief(bin)), who && h("span", { class: "who" }, icon("person"), who === this.app.me.name ? "you" : who), bin.photo_requested_at && h("span", { class: "who" }, icon("camera"), "asked")),
		];
	}
}

function rowId(binId) {
	return `row-${binId.replaceAll(".", "_")}`;
}
