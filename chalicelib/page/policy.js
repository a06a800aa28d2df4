// A site's policy: what mistakes cost, tried on what has happened before it is put in force. A draft is kept in this
// tab until it is saved or thrown away.

import { entriesOf, Intent, Problem } from "./api.js";
import { announce, fill, h, icon, refill } from "./dom.js";
import { drop, keep, kept } from "./drafts.js";
import { many, moment, number, percent } from "./format.js";
import { table } from "./lists.js";
import { at, deviationsIn, deviationsText, differences, LIMITS, numberIn, put, SETTINGS, thresholds } from "./rules.js";
import { failed, loading, said, toast } from "./states.js";
import { STATES } from "./words.js";

const REPLAYED = [200, 500, 1000];

export function view(app, site) {
	return new PolicyPage(app, site);
}

class PolicyPage {
	constructor(app, site) {
		Object.assign(this, { app, site, title: `Policy ${site}` });
		this.intent = new Intent();
		this.wrong = new Set();
		this.head = h("div", { class: "sheet-head" }, h("h1", null, `Policy of ${app.siteName(site)}`));
		this.notice = h("div", { role: "alert" });
		this.form = h("div", { class: "sheet-body" }, loading("Loading the policy", 6));
		this.preview = h("div", { class: "sheet-body", test: "preview-result" });
		this.save = h("div", null);
		this.versions = h("div", null);
		this.element = h("section", { class: "sheet" }, this.head, this.notice, this.form, this.save, this.preview, this.versions);
		this.read();
	}

	stop() {
		this.isGone = true;
	}

	async read() {
		try {
			const { body } = await this.app.api.get(`v1/policies/${this.site}`);
			if (this.isGone) return;
			this.stand(body);
			await this.readVersions();
		} catch (error) {
			if (!this.isGone) fill(this.form, failed(error, () => this.read()));
		}
	}

	/** Takes the version in force; a draft that was made from another one stays, and says so. */
	stand(standing) {
		this.standing = standing;
		const draft = kept(`policy.${this.site}`);
		this.document = draft?.document ?? standing.policy;
		this.replaces = draft?.replaces ?? standing.version;
		this.draw();
		if (draft && draft.replaces !== standing.version) this.overtaken();
	}

	get isChanged() {
		return differences(this.standing.policy, this.document).length > 0;
	}

	set(place, value) {
		this.document = put(this.document, place, value);
		if (this.isChanged) keep(`policy.${this.site}`, { document: this.document, replaces: this.replaces });
		else drop(`policy.${this.site}`);
		this.drawState();
	}

	discard() {
		drop(`policy.${this.site}`);
		this.wrong.clear();
		fill(this.notice);
		fill(this.preview);
		this.stand(this.standing);
	}

	// What it looks like.

	draw() {
		fill(this.form, [this.costs(), h("div", { class: "two" }, this.judging(), this.limits()), this.groups()]);
		this.drawState();
	}

	drawState() {
		const { version, author, at: time } = this.standing;
		const state = version ? `Version ${version}${author ? ` by ${author}` : ""}${time ? `, ${moment(time)}` : ""}` : "The default: nobody has set one yet";
		refill(this.head, [version, this.isChanged], () => [h("h1", null, `Policy of ${this.app.siteName(this.site)}`), h("span", { class: "hint" }, state), this.isChanged && h("span", { class: "tag review" }, "Draft, not in force")]);
		if (this.follows) refill(this.follows, [this.document.default, this.standing.thresholds], () => this.consequences());
		refill(this.save, [this.isChanged, this.wrong.size, this.app.mayAct], () => this.saving());
	}

	/** One setting as a field; what can't be read is marked and never sent. */
	field(place, label, hint, value, { read = numberIn, isText = false, optional = false } = {}) {
		const id = `f-${place.replaceAll(".", "-")}`;
		const input = h("input", { id, value: value ?? "", inputmode: isText ? null : "decimal", autocomplete: "off", spellcheck: "false", disabled: !this.app.mayAct, "aria-describedby": hint ? `${id}-hint` : null });
		input.addEventListener("input", () => {
			const isLeftOut = optional && input.value.trim() === "";
			const said = isLeftOut ? undefined : read(input.value);
			input.setAttribute("aria-invalid", said === null);
			if (said === null) this.wrong.add(place);
			else this.wrong.delete(place);
			if (said === null) this.drawState();
			else this.set(place, said);
		});
		return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("span", { class: "hint", id: `${id}-hint` }, hint));
	}

	setting([place, label, hint]) {
		return this.field(`default.${place}`, label, hint, at(this.document.default, place));
	}

	costs() {
		this.follows = h("div", { class: "sheet-body", "aria-live": "polite" });
		return h("div", { class: "card" }, h("h2", null, "What mistakes cost"), h("div", { class: "fields" }, SETTINGS.slice(0, 3).map((one) => this.setting(one))), this.follows);
	}

	consequences() {
		const { reviewFrom, alertFrom } = thresholds(this.document.default);
		const inForce = this.standing.thresholds?.find((one) => one.group === null);
		const isKnown = Number.isFinite(reviewFrom) && Number.isFinite(alertFrom);
		return [
			isKnown && h("p", null, "By these settings a bin is reviewed from ", h("b", null, percent(reviewFrom)), " likely wrong on, and alerted from ", h("b", null, percent(alertFrom)), "."),
			inForce && h("p", { class: "hint" }, `In force, with the site's rate of ${percent(inForce.mismatch_rate)}: reviewed from ${percent(inForce.review_from)}, alerted from ${percent(inForce.alert_from)}.`),
		];
	}

	judging() {
		const deviations = this.field("default.deviations", "How wrong bins differ", "true minus expected, and the share of each; the shares sum to 1", deviationsText(this.document.default.deviations), { read: deviationsIn, isText: true });
		deviations.classList.add("wide");
		return h("div", { class: "card" }, h("h2", null, "How photos are judged"), h("div", { class: "fields" }, SETTINGS.slice(3).map((one) => this.setting(one)), deviations));
	}

	limits() {
		return h("div", { class: "card" }, h("h2", null, "Limits of the site"), h("div", { class: "fields" }, LIMITS.map(([place, label, hint]) => this.field(`limits.${place}`, label, hint, this.document.limits[place]))));
	}

	groups() {
		const { groups } = this.document;
		const cards = groups.map((group, place) => this.group(group, place));
		const add = this.app.mayAct && h("button", { onclick: () => this.regroup([...groups, { name: `group-${groups.length + 1}`, bins: ["A-*"], overrides: {} }]) }, "Add a group");
		return h("div", { class: "card" }, h("h2", null, "Groups of bins that are judged otherwise"), h("p", { class: "hint" }, "A bin belongs to the first group with a pattern that fits its whole name: * is any text, ? one character. What is left empty is as above."), cards, h("div", { class: "row" }, add));
	}

	group(group, place) {
		const base = `groups.${place}`;
		const patterns = { read: (text) => text.split(/[\s,]+/).filter(Boolean), isText: true };
		const overrides = SETTINGS.map(([name, label]) => this.override(place, name, label, at(group.overrides, name)));
		const remove = this.app.mayAct && h("button", { onclick: () => this.regroup(this.document.groups.filter((_, other) => other !== place)) }, `Remove ${group.name}`);
		return h(
			"fieldset",
			{ class: "card" },
			h("legend", { class: "strong" }, group.name),
			h("div", { class: "fields" }, this.field(`${base}.name`, "Name", "", group.name, { read: (text) => text.trim() || null, isText: true }), this.field(`${base}.bins`, "Patterns", "", group.bins.join(" "), patterns)),
			h("details", { open: Object.keys(group.overrides).length > 0 }, h("summary", null, "What differs"), h("div", { class: "fields" }, overrides, this.override(place, "deviations", "How wrong bins differ", deviationsText(group.overrides.deviations), { read: deviationsIn, isText: true }))),
			remove && h("div", { class: "row" }, remove),
		);
	}

	override(place, name, label, value, more = {}) {
		return this.field(`groups.${place}.overrides.${name}`, label, "", value, { ...more, optional: true });
	}

	regroup(groups) {
		this.set("groups", groups);
		this.draw();
	}

	saving() {
		if (!this.app.mayAct) return h("p", { class: "hint", test: "viewer" }, "You may look, but not change it: your role is viewer.");
		const isReady = this.isChanged && this.wrong.size === 0;
		const note = h("input", { id: "policy-note", maxlength: 500, value: this.noteText ?? "", autocomplete: "off", test: "policy-note", oninput: () => (this.noteText = note.value) });
		const size = h("select", { "aria-label": "How many inspections", onchange: () => (this.size = Number(size.value)) }, REPLAYED.map((value) => h("option", { value, selected: value === (this.size ?? REPLAYED[0]) }, `newest ${number(value)} inspections`)));
		return h(
			"div",
			{ class: "card" },
			this.wrong.size > 0 && h("p", { class: "mistake" }, icon("warn"), "Some fields can't be read."),
			h("div", { class: "row" }, h("button", { "data-key": "preview", test: "preview", disabled: !isReady, onclick: () => this.tryOut() }, "Preview on the"), size),
			h("div", { class: "field wide" }, h("label", { for: "policy-note" }, "Why it is changed"), note),
			h("div", { class: "row" }, h("button", { class: "primary", "data-key": "save", test: "save-policy", disabled: !isReady, onclick: () => this.send() }, "Put in force"), h("button", { disabled: !this.isChanged, onclick: () => this.discard() }, "Discard the draft")),
		);
	}

	// Trying and saving.

	async tryOut() {
		fill(this.preview, h("div", { class: "card" }, loading("Judging them again", 3)));
		try {
			const { body } = await this.app.api.change(`v1/policies/${this.site}/preview`, { body: { policy: this.document, inspections: this.size ?? REPLAYED[0] } });
			if (this.isGone) return;
			fill(this.preview, replayed(body));
			announce(`Previewed on ${many(body.inspections, "inspection")}: ${many(body.after.alerts, "alert")} instead of ${body.before.alerts}, ${many(body.after.reviews, "review")} instead of ${body.before.reviews}.`);
			this.preview.scrollIntoView({ block: "nearest" });
		} catch (error) {
			fill(this.preview, h("div", { class: "card" }, this.trouble(error), h("div", { class: "row" }, h("button", { onclick: () => this.tryOut() }, "Try again"))));
		}
	}

	async send() {
		const note = document.getElementById("policy-note");
		if (!note.value.trim()) {
			note.setAttribute("aria-invalid", "true");
			this.say("Say why", "Whoever reads the versions later wants to know.");
			return note.focus();
		}
		return this.put({ replaces: this.replaces, note: note.value.trim(), policy: this.document });
	}

	async put(body) {
		try {
			const { body: standing } = await this.app.api.change(`v1/policies/${this.site}`, { method: "PUT", body, version: body.replaces, key: this.intent.keyFor(body) });
			this.intent.done();
			this.noteText = "";
			fill(this.preview);
			drop(`policy.${this.site}`);
			fill(this.notice);
			this.stand(standing);
			toast(`Version ${standing.version} is in force.`, { kind: "good" });
			await this.readVersions();
		} catch (error) {
			await this.refused(error);
		}
	}

	async refused(error) {
		if (!(error instanceof Problem && [409, 412].includes(error.status))) return fill(this.notice, this.trouble(error));
		this.intent.done();
		const { body } = await this.app.api.get(`v1/policies/${this.site}`);
		this.standing = body;
		return this.overtaken();
	}

	trouble(error) {
		const [title, text] = said(error);
		const places = error instanceof Problem ? error.errors : [];
		return h("div", { class: "notice", test: "notice" }, h("p", { class: "strong" }, icon("warn"), title), places.length ? h("ul", null, places.map((one) => h("li", null, one.field && [h("code", null, one.field), ": "], one.message))) : h("p", null, text));
	}

	/** Somebody else has put another version in force: show where it differs, and let one decide. */
	overtaken() {
		const { version, author, note, policy } = this.standing;
		const differing = differences(policy, this.document).map((one) => [h("code", null, one.place), shown(one.before), shown(one.after)]);
		const onTop = () => {
			this.replaces = version;
			keep(`policy.${this.site}`, { document: this.document, replaces: version });
			fill(this.notice);
			this.drawState();
		};
		fill(
			this.notice,
			h(
				"div",
				{ class: "notice", test: "notice" },
				h("p", { class: "strong" }, icon("warn"), `Version ${version} came meanwhile`),
				h("p", null, `${author ?? "Somebody"} has put it in force${note ? `: “${note}”` : "."}`),
				differing.length > 0 && table("Where your draft differs", ["Setting", "In force", "Your draft"], differing),
				h("div", { class: "row" }, h("button", { test: "keep-theirs", onclick: () => this.discard() }, "Take theirs"), h("button", { test: "insist", onclick: onTop }, "Keep my draft, to replace theirs")),
			),
		);
		this.notice.scrollIntoView({ block: "nearest" });
	}

	say(title, text) {
		fill(this.notice, h("div", { class: "notice", test: "notice" }, h("p", { class: "strong" }, icon("warn"), title), h("p", null, text)));
	}

	async readVersions() {
		const { body } = await this.app.api.get(`v1/policies/${this.site}/versions?limit=20`);
		if (this.isGone) return;
		const versions = entriesOf(body);
		const row = (one, place) => [one.version, moment(one.at), one.author ?? "–", one.note ?? "", changedIn(one, versions[place + 1])];
		fill(this.versions, versions.length > 0 && h("div", { class: "card" }, h("h2", null, "Versions"), table("Versions", ["#Version", "When", "Who", "Why", "What changed"], versions.map(row))));
	}
}

function changedIn(version, before) {
	if (!before) return "";
	return differences(before.policy, version.policy).slice(0, 6).map((one) => h("div", null, h("code", null, one.place), `: ${shown(one.before)} → ${shown(one.after)}`));
}

/** What would have happened: both policies side by side, then the bins that would have ended otherwise. */
function replayed(what) {
	const { before, after } = what;
	const rows = [
		["Alerts", number(before.alerts), number(after.alerts)],
		["Reviews", number(before.reviews), number(after.reviews)],
		...["match", "review", "mismatch", "unexpected"].filter((name) => before.verdicts[name] || after.verdicts[name]).map((name) => [`Ended as: ${STATES[name].toLowerCase()}`, number(before.verdicts[name] ?? 0), number(after.verdicts[name] ?? 0)]),
		["Of resolved alerts, right", share(before), share(after)],
		["Of wrong bins, alerted", percent(before.found), percent(after.found)],
	];
	const change = (one) => [h("a", { href: `#/bins/${one.bin_id}` }, one.bin_id), side(one.before), side(one.after), one.expected ?? "–", one.truth ?? "–"];
	return h(
		"div",
		{ class: "two" },
		h("div", { class: "card" }, h("h2", null, "What it would have done"), h("p", { class: "hint" }, `${many(what.inspections, "inspection")} of ${many(what.bins, "bin")}, ${number(what.resolved)} of them resolved by people.`), table("Both policies", ["", "#In force", "#Draft"], rows)),
		h("div", { class: "card" }, h("h2", null, `${many(what.changed, "bin")} would have ended otherwise`), what.changes.length > 0 && h("div", { class: "places" }, table("Bins", ["Bin", "In force", "Draft", "#Expected", "#Truth"], what.changes.map(change)))),
	);
}

function share(tally) {
	return tally.resolved_alerts ? `${tally.right_alerts} of ${tally.resolved_alerts}` : "–";
}

function side(one) {
	return [h("span", { class: `tag ${one.verdict}` }, STATES[one.verdict] ?? one.verdict), ` ${percent(one.probability_of_mismatch)}`];
}

function shown(value) {
	return value === undefined || value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
