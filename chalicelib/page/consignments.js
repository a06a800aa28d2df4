// Consignments: which there are and how far each is, loading one from a file, closing it and taking it up again.

import { Intent, Problem, query } from "./api.js";
import { dialog } from "./dialog.js";
import { announce, fill, h, icon, refill, s } from "./dom.js";
import { ago, count, many, moment, number } from "./format.js";
import { Paged, table } from "./lists.js";
import { Poller } from "./poll.js";
import { empty, failed, loading, said, toast } from "./states.js";
import { brief, stateOf, STATES } from "./words.js";

const RHYTHM = { every: 8000, most: 60_000 };
const STATE_NAMES = { loading: "Loading", loaded: "Open", closing: "Closing", closed: "Closed", refused: "Refused" };
const MOST_FOLLOWED = 20;
const MOST_BYTES = 4 * 1024 * 1024;

export function view(app, consignmentId, values) {
	return consignmentId ? new ConsignmentPage(app, consignmentId) : new ConsignmentsPage(app, values.get("site") ?? app.site);
}

/** The parts of a consignment's bins in order, each bin in one of them. Pure. */
export function parts(progress) {
	if (!progress) return [];
	const known = { matching: progress.matching ?? 0, resolved: progress.resolved ?? 0, open: progress.open ?? 0, waiting: progress.waiting ?? 0 };
	const rest = Math.max(0, progress.bins - known.matching - known.resolved - known.open - known.waiting);
	return Object.entries({ ...known, waiting: known.waiting + rest }).map(([name, bins]) => ({ name, bins }));
}

/** The same as a sentence. */
export function progressText(progress) {
	if (!progress) return "";
	const names = { matching: "match", resolved: "are resolved", open: "are open", waiting: "wait for a photo" };
	const told = parts(progress).filter((part) => part.bins > 0).map((part) => `${number(part.bins)} ${names[part.name]}`);
	return progress.bins ? `Of ${many(progress.bins, "bin")} ${told.join(", ")}.` : "It holds no bins.";
}

function bar(progress) {
	let x = 0;
	const whole = Math.max(1, progress?.bins ?? 1);
	const pieces = parts(progress).map(({ name, bins }) => {
		const piece = s("rect", { class: name === "waiting" ? "rest" : name, x, y: 0, width: (bins / whole) * 100, height: 4 });
		x += (bins / whole) * 100;
		return piece;
	});
	return s("svg", { class: "progress", viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img", "aria-label": progressText(progress) }, pieces);
}

class ConsignmentsPage {
	constructor(app, site) {
		Object.assign(this, { app, site, title: "Consignments", places: new Map() });
		this.list = new Paged(app.api, {
			path: (cursor) => query("v1/consignments", { site: app.siteText(site) || null, limit: 50, cursor }),
			draw: (entries) => this.drawn(entries),
			none: () => empty("No consignment here yet", "Load one from a file, or drop its CSV into the bucket."),
			noun: "consignment",
		});
		const load = app.mayAct && h("button", { class: "primary", test: "load", onclick: () => this.load() }, "Load a consignment");
		this.element = h("section", { class: "sheet" }, h("div", { class: "sheet-head" }, h("h1", null, `Consignments${site ? ` of ${app.siteName(site)}` : ""}`), h("div", { class: "end row" }, load)), h("div", { class: "card" }, this.list.element));
		this.list.more();
	}

	stop() {
		this.isGone = true;
	}

	drawn(entries) {
		this.follow(entries);
		const row = (one) => {
			const place = h("div", null, one.progress && shownProgress(one.progress));
			this.places.set(one.consignment_id, place);
			return [h("a", { href: `#/consignments/${one.consignment_id}` }, one.consignment_id), h("span", { class: `tag ${one.state}` }, STATE_NAMES[one.state] ?? one.state), place, number(one.bin_count), h("time", { datetime: one.loaded_at }, moment(one.loaded_at))];
		};
		return table("Consignments", ["Consignment", "State", "Progress", "#Bins", "Loaded"], entries.map(row));
	}

	/** A list does not say how far each is: the newest are asked one after the other. */
	async follow(entries) {
		const asked = entries.filter((one) => !one.progress && one.state !== "refused").slice(0, MOST_FOLLOWED);
		for (const one of asked) {
			if (this.isGone) return;
			try {
				const { body } = await this.app.api.get(`v1/consignments/${one.consignment_id}`, { anew: true });
				one.progress = body.progress;
				fill(this.places.get(one.consignment_id), shownProgress(body.progress));
			} catch {
				return;
			}
		}
	}

	load() {
		new LoadForm(this.app, this.site, (consignment) => (location.hash = `#/consignments/${consignment.consignment_id}`));
	}
}

function shownProgress(progress) {
	return [h("span", { class: "small" }, progressText(progress)), bar(progress)];
}

/** A dialog that sends a CSV or JSON file, and shows everything that is wrong with it at once. */
class LoadForm {
	constructor(app, site, done) {
		Object.assign(this, { app, done });
		this.file = h("input", { id: "file", type: "file", accept: ".csv,.json,text/csv,application/json", required: true, test: "file", onchange: () => this.named() });
		this.name = h("input", { id: "consignment", autocomplete: "off", spellcheck: "false", maxlength: 64, required: true, pattern: "[A-Za-z0-9._\\-]{1,64}", test: "consignment" });
		this.site = h("input", { id: "load-site", autocomplete: "off", spellcheck: "false", maxlength: 64, value: app.siteText(site ?? ""), list: "sites", test: "load-site" });
		this.result = h("div", { role: "alert" });
		this.button = h("button", { type: "submit", class: "primary", test: "send" }, "Load");
		const field = (input, label, hint) => h("div", { class: "field" }, h("label", { for: input.id }, label), input, hint && h("span", { class: "hint" }, hint));
		const form = h(
			"form",
			{ onsubmit: (event) => (event.preventDefault(), this.send()) },
			field(this.file, "CSV or JSON file", ["CSV: first line ", h("code", null, "bin_id,expected_quantity"), ", perhaps with ", h("code", null, ",sku,quantity"), "."]),
			field(this.name, "Name of the consignment"),
			field(this.site, "Site", "A JSON file names its site itself."),
			h("datalist", { id: "sites" }, app.sites.filter((one) => one.site).map((one) => h("option", { value: one.site }))),
			this.result,
			h("div", { class: "row" }, this.button),
		);
		this.box = dialog("Load a consignment", form, { name: "loader" });
		this.file.focus();
	}

	named() {
		const [file] = this.file.files;
		if (file && !this.name.value) this.name.value = file.name.replace(/\.[^.]*$/, "").replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 64);
	}

	async send() {
		const [file] = this.file.files;
		if (!file) return;
		if (file.size > MOST_BYTES) return void this.say("The file is too large", `It has ${number(file.size)} bytes; ${number(MOST_BYTES)} are taken. Split the consignment.`);
		this.button.disabled = true;
		fill(this.result, loading("Loading the file", 1));
		try {
			await this.put(file, await file.text());
		} catch (error) {
			this.refused(error);
		}
		this.button.disabled = false;
	}

	async put(file, text) {
		const isJson = /\.json$/i.test(file.name) || file.type === "application/json";
		const path = `v1/consignments/${encodeURIComponent(this.name.value)}`;
		const request = { method: "PUT", text, type: isJson ? "application/json" : "text/csv" };
		const { body } = await this.app.api.change(isJson ? path : query(path, { site: this.site.value.trim() }), request);
		this.box.close();
		toast(body.changed === false ? `${body.consignment_id} was loaded just so before: nothing has changed.` : `${body.consignment_id} is loaded: ${many(body.bin_count, "bin")}.`, { kind: "good" });
		this.app.refreshSites();
		this.done(body);
	}

	refused(error) {
		const [title, text] = said(error);
		const places = error instanceof Problem ? error.errors : [];
		this.say(title, places.length ? `${many(places.length + (error.body.errors_left_out ?? 0), "place")} must be mended; nothing was loaded.` : text, places.length > 0 && placesOf(error.body));
	}

	say(title, text, more) {
		fill(this.result, h("div", { class: "notice", test: "refused" }, h("p", { class: "strong" }, icon("warn"), title), h("p", null, text), more));
		this.result.scrollIntoView({ block: "nearest" });
	}
}

/** Every place of a refused file, by line. */
function placesOf({ errors, errors_left_out: left = 0, more = left }) {
	const lines = errors.map((one) => [one.line ?? "–", one.field ?? "–", one.message]);
	return [h("div", { class: "places" }, table("What is wrong", ["#Line", "Field", "What is wrong"], lines)), more > 0 && h("p", { class: "hint" }, `and ${number(more)} more`)];
}

class ConsignmentPage {
	constructor(app, consignmentId) {
		Object.assign(this, { app, consignmentId, title: consignmentId, status: "" });
		this.intents = { closing: new Intent(), reopening: new Intent() };
		this.head = h("div", { class: "sheet-head" }, h("h1", null, consignmentId));
		this.body = h("div", { class: "sheet-body" }, loading("Loading the consignment", 4));
		this.binsPlace = h("div", null);
		this.element = h("section", { class: "sheet" }, this.head, this.body, this.binsPlace);
		this.poller = new Poller({ ...RHYTHM, run: () => this.read(), failed: (error) => this.missed(error) });
		this.poller.start();
	}

	stop() {
		this.isGone = true;
		this.poller.stop();
	}

	async read() {
		// Its ETag names the consignment's version; how far it is changes without one.
		const { body, etag } = await this.app.api.get(`v1/consignments/${this.consignmentId}`, { anew: true });
		if (!this.isGone) this.show(body, etag);
	}

	missed(error) {
		if (!this.one && !this.isGone) fill(this.body, failed(error, () => this.poller.now()));
	}

	show(one, etag) {
		const isFirst = !this.one;
		this.one = one;
		this.etag = etag;
		const { bins: _, cursor: __, ...facts } = one;
		refill(this.head, [one.state, this.app.mayAct], () => this.heading(one));
		refill(this.body, facts, () => this.facts(one));
		if (isFirst) this.listBins();
	}

	heading(one) {
		const button = (name, label, run) => h("button", { "data-key": name, test: name, onclick: run }, label);
		const act = this.app.mayAct && (one.state === "closed" ? button("reopening", "Reopen", () => this.act("reopening", {})) : ["loaded", "closing"].includes(one.state) && button("closing", "Close", () => this.askToClose()));
		return [h("h1", null, one.consignment_id), h("span", { class: `tag ${one.state}`, test: "state" }, STATE_NAMES[one.state] ?? one.state), h("div", { class: "end row" }, act)];
	}

	facts(one) {
		const places = one.refusal?.errors;
		return [
			one.refusal && h("div", { class: "notice", test: "refused" }, h("p", { class: "strong" }, icon("warn"), "The file from the bucket was refused"), h("p", null, places?.length ? "Nothing of it was loaded. Mend these places and drop it once more." : (one.refusal.message ?? "Nothing of it was loaded.")), places?.length > 0 && placesOf(one.refusal)),
			h("div", { class: "card" }, one.progress && [h("p", { class: "strong", test: "progress" }, progressText(one.progress)), bar(one.progress)], h("p", { class: "hint" }, [`Site ${one.site ?? "–"}`, one.loaded_at && `loaded ${moment(one.loaded_at)}`, one.refusal?.file && one.refusal.file.key, one.closed_at && `closed ${moment(one.closed_at)}`].filter(Boolean).join(" · "))),
		];
	}

	listBins() {
		const list = new Paged(this.app.api, {
			path: (cursor) => query("v1/bins", { consignment: this.consignmentId, status: this.status, limit: 100, cursor }),
			draw: (bins) => table("Bins of this consignment", ["Bin", "State", "#Expected", "#Counted", "Why", "Since"], bins.map(binRow)),
			none: () => empty("No such bin", this.status ? "None of its bins is in this state." : "It holds no bins."),
			noun: "bin",
		});
		const choices = ["", "waiting", "mismatch", "review", "rejected", "match", "resolved"];
		const select = h("select", { "aria-label": "State of the bins", onchange: () => ((this.status = select.value), this.listBins()) }, choices.map((name) => h("option", { value: name, selected: name === this.status }, name ? STATES[name] : "All bins")));
		fill(this.binsPlace, h("div", { class: "card" }, h("div", { class: "sheet-head" }, h("h2", null, "Bins"), h("div", { class: "end" }, select)), list.element));
		list.more();
	}

	askToClose() {
		const open = this.one.progress?.open ?? 0;
		const text = open ? `${many(open, "bin is", "bins are")} still open. Closing lets all bins go; what was found stays on file.` : "Closing lets all of its bins go; what was found stays on file.";
		const send = () => (box.close(), this.act("closing", open ? { even_if_open: true } : {}));
		const box = dialog(`Close ${this.consignmentId}`, h("div", null, h("p", null, text), h("div", { class: "row" }, h("button", { class: "primary", test: "confirm", onclick: send }, open ? "Close it all the same" : "Close"))), { name: "asked" });
	}

	async act(kind, body) {
		try {
			const { body: one, etag } = await this.app.api.change(`v1/consignments/${this.consignmentId}/${kind}`, { body, version: this.etag, key: this.intents[kind].keyFor(body) });
			this.intents[kind].done();
			this.show({ ...this.one, ...one }, etag);
			toast(kind === "closing" ? `${this.consignmentId} is closed.` : `${this.consignmentId} is open again.`, { kind: "good" });
		} catch (error) {
			this.refused(error, kind, body);
		}
		this.poller.now();
	}

	refused(error, kind, body) {
		if (error instanceof Problem && error.status < 500) this.intents[kind].done();
		const [title, text] = error.status === 412 ? ["It has changed meanwhile", "This is how it is now. Try again if you still want to."] : said(error);
		toast(`${title}. ${text}`, { kind: "bad", action: { label: "Try again", run: () => this.act(kind, body) } });
		announce(title, true);
	}
}

function binRow(bin) {
	return [h("a", { href: `#/bins/${bin.bin_id}` }, bin.bin_id), h("span", { class: `tag ${bin.status}` }, stateOf(bin)), count(bin.expected), count(bin.predicted), brief(bin), h("time", { datetime: bin.changed_at }, ago(bin.changed_at, Date.now()))];
}

