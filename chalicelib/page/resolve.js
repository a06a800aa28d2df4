// The form in which somebody says what a bin really holds. What was entered is kept as a draft until it is saved or
// cleared, with the key under which it was sent.

import { Intent } from "./api.js";
import { fill, h, icon, key } from "./dom.js";
import { drop, keep, kept, prefer, preferred } from "./drafts.js";
import { REASONS } from "./words.js";

const MOST_DIGITS = 6;
const LONGEST_NOTE = 1000;

export class ResolveForm {
	/** `submit(said, intent, version)` sends it. */
	constructor(bin, submit) {
		const draft = kept(`resolve.${bin.bin_id}`);
		this.bin = bin;
		this.version = draft?.version ?? bin.version ?? null;
		this.intent = new Intent(undefined, draft?.intent);
		this.submit = submit;
		this.element = this.build(draft ?? {});
	}

	/** Whether something was entered that would be lost. */
	get isArmed() {
		return this.count.value !== "" || this.note.value !== "";
	}

	get said() {
		return { true_count: this.count.value === "" ? null : Number(this.count.value), reason: this.reason, note: this.note.value.trim() };
	}

	get reason() {
		return this.element.elements.reason.value;
	}

	digit(text) {
		this.setCount(this.count.value + text);
	}

	setCount(text) {
		this.count.value = String(text).replace(/^0+(?=\d)/, "").slice(0, MOST_DIGITS);
		this.entered();
	}

	focus() {
		this.count.focus();
		this.count.select();
	}

	clear() {
		this.count.value = this.note.value = "";
		this.intent.done();
		this.entered();
	}

	/** Shows what is wrong, beside the fields. */
	say(text) {
		fill(this.mistake, text && [icon("warn"), text]);
		this.count.setAttribute("aria-invalid", Boolean(text));
	}

	/** The state that it is said of: a later one only if whoever fills it in has seen it. */
	sees(bin) {
		this.bin = bin;
		this.version = bin.version ?? null;
		if (this.isArmed) this.save();
	}

	setBusy(isBusy) {
		this.button.disabled = isBusy;
		this.element.setAttribute("aria-busy", isBusy);
	}

	async send() {
		if (this.button.disabled) return;
		const mistake = this.mistakeIn();
		this.say(mistake);
		if (mistake) return void (this.count.value ? this.note : this.count).focus();
		prefer("reason", this.reason);
		this.intent.keyFor(this.said);
		this.save();
		await this.submit(this.said, this.intent, this.version);
	}

	mistakeIn() {
		if (!this.count.value) return "Say how many goods the bin really holds.";
		if (Number(this.count.value) > 100_000) return "That is more than a bin can hold.";
		if (this.reason === "other" && !this.note.value.trim()) return "Other needs a note that says what it was.";
		return null;
	}

	entered() {
		this.say(null);
		this.save();
		this.element.classList.toggle("armed", this.isArmed);
	}

	save() {
		if (!this.isArmed) return drop(`resolve.${this.bin.bin_id}`);
		const intent = { content: this.intent.content, key: this.intent.key };
		keep(`resolve.${this.bin.bin_id}`, { count: this.count.value, reason: this.reason, note: this.note.value, version: this.version, intent });
	}

	build(draft) {
		this.count = h("input", {
			id: "true-count",
			class: "count",
			inputmode: "numeric",
			autocomplete: "off",
			maxlength: MOST_DIGITS,
			value: draft.count ?? "",
			"aria-describedby": "resolve-mistake",
			test: "true-count",
			oninput: () => this.setCount(this.count.value.replace(/\D/g, "")),
		});
		this.note = h("textarea", { id: "note", rows: 1, maxlength: LONGEST_NOTE, value: draft.note ?? "", test: "note", oninput: () => this.entered() });
		this.mistake = h("p", { id: "resolve-mistake", class: "mistake", role: "alert" });
		this.button = h("button", { type: "submit", class: "primary", test: "resolve", "data-key": "save" }, "Resolve", key("Enter"));
		const form = h(
			"form",
			{ class: `resolve${draft.count ? " armed" : ""}`, "aria-label": "Resolve", novalidate: true, onsubmit: (event) => (event.preventDefault(), this.send()) },
			h("div", { class: "say" }, h("label", { for: "true-count" }, "It really holds"), this.count, this.quick()),
			this.pad(),
			this.reasons(draft.reason ?? preferred("reason", "counted")),
			h("div", { class: "note" }, h("label", { for: "note" }, "Note"), this.note),
			this.mistake,
			h("div", { class: "row" }, this.button, h("button", { class: "quiet", onclick: () => this.clear() }, "Clear", key("Esc"))),
		);
		form.addEventListener("keydown", (event) => this.typed(event));
		return form;
	}

	/** The two counts that are likeliest, at one touch. */
	quick() {
		const { expected, predicted } = this.bin;
		const exact = predicted !== null && /^\d+$/.test(predicted) && Number(predicted) !== expected ? predicted : null;
		const one = (value, text) => h("button", { class: "chip", onclick: () => this.setCount(value) }, `${text}: ${value}`);
		return h("div", { class: "quick" }, expected !== null && expected !== undefined && one(expected, "As expected"), exact !== null && one(exact, "As counted"));
	}

	pad() {
		const digit = (value) => h("button", { "aria-label": `Digit ${value}`, onclick: () => this.digit(value) }, value);
		const wipe = h("button", { "aria-label": "Delete digit", onclick: () => this.setCount(this.count.value.slice(0, -1)) }, icon("wipe"));
		return h("div", { class: "pad", role: "group", "aria-label": "Number keys" }, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"].map(digit), wipe);
	}

	reasons(chosen) {
		const one = ([value, text]) =>
			h("label", { class: "chip" }, h("input", { type: "radio", name: "reason", value, checked: value === chosen, onchange: () => this.entered() }), h("span", null, text));
		return h("fieldset", { class: "reasons" }, h("legend", null, "How do you know, or what was wrong"), Object.entries(REASONS).map(one));
	}

	typed(event) {
		const isSend = event.key === "Enter" && (event.target !== this.note || event.ctrlKey || event.metaKey);
		if (!isSend || event.target.tagName === "BUTTON") return;
		event.preventDefault();
		event.stopPropagation();
		this.send();
	}
}
