// One bin, large: its picture, why it waits, what the photo says, and what somebody may do about it.

import { send } from "./acting.js";
import { distribution } from "./bars.js";
import { announce, fill, h, icon, key, refill } from "./dom.js";
import { age, ago, count, many, moment, number, percent } from "./format.js";
import { differs } from "./merge.js";
import { photoOf } from "./newest.js";
import { Poller } from "./poll.js";
import { ResolveForm } from "./resolve.js";
import { failed } from "./states.js";
import { SEVERITIES, stateOf, waits, why } from "./words.js";

const STAY_MS = 120;
const RHYTHM = { every: 4000, most: 60_000 };

export class Pane {
	/** `acted(kind, bin, before)` hears of what was done, `changed(bin)` of every newer state, `close()` is a way back. */
	constructor(app, binId, { summary = null, acted = () => {}, changed = () => {}, close = null, isPage = false } = {}) {
		Object.assign(this, { app, binId, acted, changed, close, isPage });
		this.bin = null;
		this.intents = {};
		this.parts = this.build();
		this.element = h("article", { class: "pane", test: "pane", "aria-labelledby": "pane-title" }, Object.values(this.parts));
		if (summary) this.show(summary);
		this.poller = new Poller({ ...RHYTHM, run: () => this.load(), failed: (error) => this.missed(error) });
		// Who steps through the list asks only for the bins that they stay at.
		this.poller.start(summary ? STAY_MS : 0);
	}

	get isBusy() {
		return Boolean(this.form?.isArmed);
	}

	stop() {
		this.poller.stop();
		this.isGone = true;
	}

	/** Reads the bin anew; only what has changed is drawn. */
	async load() {
		// The first time not from memory: links to pictures run out.
		const { body } = await this.app.api.get(`v1/bins/${this.binId}`, { anew: !this.wasRead });
		this.wasRead = true;
		if (this.isGone || this.isActing) return;
		if (this.isUnsettled && this.bin && this.bin.version !== body.version) return this.meets(body);
		this.show(body);
	}

	show(bin) {
		const before = this.bin;
		this.bin = bin;
		this.draw(bin);
		if (this.form && !this.form.isArmed) this.form.sees(bin);
		if (before && before.version !== bin.version) this.changed(bin);
	}

	/** Somebody types, and the bin has changed: say what happened and let one decide, before anything is sent. */
	async meets(bin) {
		if (!differs(this.bin, bin)) {
			this.show(bin);
			this.form?.sees(bin);
		} else if (this.met !== bin.version) await this.askAbout(bin);
	}

	async askAbout(bin) {
		this.met = bin.version;
		const conflict = await import("./conflict.js");
		await conflict.ask(this, bin);
	}

	get isUnsettled() {
		return this.isBusy || Boolean(this.met);
	}

	command(name, text) {
		if (name === "escape") return this.escape();
		if (name === "zoom") return this.zoom();
		if (!this.app.mayAct || !this.bin) return false;
		const commands = {
			digit: () => this.withForm((form) => form.digit(text)),
			resolve: () => this.withForm((form) => form.focus()),
			enter: () => this.form?.isArmed && this.form.send(),
			acknowledge: () => this.press("acknowledge"),
			mine: () => this.press("mine"),
			photo: () => this.press("photo"),
		};
		return commands[name] ? commands[name]() !== false : false;
	}

	withForm(act) {
		if (!this.form) return false;
		const fold = this.form.element.closest("details");
		if (fold) fold.open = true;
		this.form.element.scrollIntoView({ block: "nearest" });
		return act(this.form);
	}

	press(name) {
		const button = this.element.querySelector(`[data-key="${name}"]`);
		if (!button || button.disabled) return false;
		button.click();
		return true;
	}

	escape() {
		if (this.form?.isArmed) {
			this.form.clear();
			announce("Cleared");
			return true;
		}
		return false;
	}

	build() {
		return {
			head: h("header", { class: "pane-head" }),
			notice: h("div", { class: "notice-place", role: "alert" }),
			photo: h("div", { class: "photo" }),
			why: h("div", { class: "why" }),
			actions: h("div", { class: "actions" }),
			form: h("div", { class: "form-place" }),
			facts: h("div", { class: "facts" }),
		};
	}

	draw(bin) {
		const { parts, app } = this;
		refill(parts.head, [bin.bin_id, stateOf(bin), bin.severity, bin.site], () => this.head(bin));
		this.drawPhoto(bin);
		refill(parts.why, [why(bin), bin.expected, bin.predicted], () => this.why(bin));
		refill(parts.facts, [{ ...bin, picture_url: null }, Math.floor(Date.now() / 30_000)], () => this.facts(bin));
		refill(parts.actions, [bin.status, bin.alert?.state, bin.alert?.by, bin.assignee, bin.photo_requested_at, app.mayAct], () => this.actions(bin));
		this.drawForm(bin);
	}

	head(bin) {
		const back = this.close && h("button", { class: "quiet back", "aria-label": "Back to the queue", test: "back", onclick: this.close }, icon("back"));
		return [
			back,
			h(this.isPage ? "h1" : "h2", { id: "pane-title" }, bin.bin_id),
			h("span", { class: `tag ${bin.status}` }, stateOf(bin)),
			bin.severity && waits(bin) && h("span", { class: `tag severity ${bin.severity}` }, `${SEVERITIES[bin.severity]}`, h("span", { class: "hidden" }, " severity")),
			!this.isPage && h("a", { class: "more", href: `#/bins/${bin.bin_id}`, test: "timeline-link" }, "Timeline"),
		];
	}

	drawPhoto(bin) {
		const { photo } = this.parts;
		const shown = photoOf(bin);
		const url = bin.picture_url ?? this.app.newest.of(bin)?.picture_url;
		// A link is signed anew with each answer; the picture is the same and is not loaded again.
		if (photo.dataset.shown === String(shown) && (photo.dataset.has || !url)) return;
		photo.dataset.shown = String(shown);
		photo.dataset.has = url ? "1" : "";
		if (!url) return void fill(photo, h("p", { class: "no-photo" }, icon("camera"), shown ? "The picture is on its way." : "No photo yet."));
		const picture = h("img", { src: url, alt: `Newest photo of bin ${bin.bin_id}`, decoding: "async", test: "photo" });
		picture.addEventListener("error", () => {
			photo.dataset.has = "";
			fill(photo, h("p", { class: "no-photo" }, icon("camera"), "The picture can't be shown."));
		});
		fill(photo, h("button", { class: "zoom", "aria-label": "Show the picture large", onclick: () => this.zoom() }, picture));
	}

	zoom() {
		const picture = this.parts.photo.querySelector("img");
		if (picture) import("./dialog.js").then(({ dialog }) => dialog(this.binId, h("img", { src: picture.src, alt: picture.alt }), { name: "zoomed" }));
		return Boolean(picture);
	}

	why(bin) {
		const numbers = [
			h("div", null, h("dt", null, "Expected"), h("dd", null, count(bin.expected))),
			h("div", { class: isOff(bin) ? "off" : "" }, h("dt", null, "Counted"), h("dd", null, count(bin.predicted))),
		];
		return [h("div", { class: "words" }, why(bin).map((text) => h("p", null, text))), h("dl", { class: "numbers" }, numbers)];
	}

	facts(bin) {
		const now = Date.now();
		return [
			bin.probabilities && h("figure", { class: "figure" }, distribution(bin.probabilities, bin.expected, { large: true }), h("figcaption", null, "Probability of each count in %, by the newest photo", bin.expected !== null && h("span", { class: "key-expected" }, "expected"))),
			h("dl", { class: "list" }, this.lines(bin, now)),
		];
	}

	lines(bin, now) {
		const acknowledged = bin.alert?.state === "acknowledged";
		const line = (name, value) => value !== null && value !== undefined && value !== false && h("div", null, h("dt", null, name), h("dd", null, value));
		const items = bin.expectation?.items ?? [];
		return [
			line(waits(bin) ? "Waits" : "Since", h("time", { datetime: bin.changed_at, title: moment(bin.changed_at) }, age(bin.changed_at, now))),
			line("Assigned to", bin.assignee ?? (waits(bin) ? "nobody" : null)),
			line("Acknowledged by", acknowledged && bin.alert.by),
			line("New photo", bin.photo_requested_at && `asked for ${ago(bin.photo_requested_at, now)}`),
			line("Likely wrong", !waits(bin) && bin.probability_of_mismatch != null && percent(bin.probability_of_mismatch)),
			line("Photos judged", bin.photos_judged > 1 && `${bin.photos_judged} together`),
			line("Cost of leaving it", bin.expected_cost !== null && bin.expected_cost !== undefined && number(bin.expected_cost, 1)),
			line("Consignment", bin.consignment_id && h("a", { href: `#/consignments/${bin.consignment_id}` }, bin.consignment_id)),
			line("Site", bin.site),
			items.length > 0 && line("Should hold", h("ul", { class: "items" }, items.slice(0, 8).map((item) => h("li", null, `${item.quantity} × `, h("code", null, item.sku))), items.length > 8 && h("li", null, `and ${many(items.length - 8, "kind")} more`))),
		];
	}

	actions(bin) {
		if (!this.app.mayAct) return h("p", { class: "hint", test: "viewer" }, "You may look, but not act: your role is viewer.");
		const mine = bin.assignee === this.app.me.name;
		const isOpen = ["open", "reopened", "acknowledged"].includes(bin.alert?.state);
		const taken = bin.alert?.state === "acknowledged" && bin.alert.by === this.app.me.name;
		const button = (name, label, shortcut, run, more = {}) => h("button", { "data-key": name, test: name, onclick: run, ...more }, label, shortcut && key(shortcut));
		return h(
			"div",
			{ class: "row" },
			isOpen && button("acknowledge", taken ? "Acknowledged" : "Acknowledge", "a", () => this.act("acknowledgement", {}), { disabled: taken }),
			waits(bin) && button("mine", mine ? "Give back" : "Assign to me", "m", () => this.act("assignment", { assignee: mine ? null : this.app.me.name })),
			bin.status !== "idle" && button("photo", bin.photo_requested_at ? "Ask again for a photo" : "Ask for a new photo", "p", () => this.ask("photo-request")),
			bin.status === "resolved" && button("reopen", "Reopen", null, () => this.ask("reopening")),
		);
	}

	drawForm(bin) {
		const isWanted = this.app.mayAct && bin.status !== "idle";
		const kind = !isWanted ? "none" : waits(bin) ? "open" : "folded";
		if (this.parts.form.dataset.kind === kind) return;
		if (this.form?.isArmed && kind !== "none" && this.parts.form.dataset.kind) return;
		this.parts.form.dataset.kind = kind;
		this.form = isWanted ? new ResolveForm(bin, (body, intent, version) => this.act("resolution", body, { intent, version })) : null;
		const title = bin.status === "resolved" ? "Correct what was said" : "Say what it holds";
		fill(this.parts.form, kind === "folded" ? h("details", { open: this.form.isArmed }, h("summary", null, title), this.form.element) : this.form?.element);
		// A draft from before a reload may be older than the bin.
		const isOlder = this.form?.isArmed && this.form.version !== (bin.version ?? null) && !this.met;
		if (isOlder) this.askAbout(bin);
	}

	/** Asks for a note first. */
	async ask(kind) {
		try {
			const asks = await import("./asks.js");
			asks.askNote(this.binId, kind, (note) => this.act(kind, { note }));
		} catch {
			this.notice("This can't be done without a connection");
		}
	}

	/** Sends one action; what comes of it is shown here. */
	act(kind, body, options) {
		return send(this, kind, body, options);
	}

	notice(title, text, buttons) {
		fill(this.parts.notice, h("div", { class: "notice", test: "notice" }, h("p", { class: "strong" }, icon("warn"), title), text && h("p", null, text), buttons && h("div", { class: "row" }, buttons)));
		this.parts.notice.scrollIntoView({ block: "nearest" });
	}

	missed(error) {
		if (!this.bin) fill(this.parts.facts, failed(error, () => this.poller.now()));
	}
}

function isOff(bin) {
	return bin.expected !== null && bin.predicted !== null && Number.parseInt(bin.predicted, 10) !== bin.expected && !(bin.predicted.endsWith("+") && bin.expected >= Number.parseInt(bin.predicted, 10));
}
