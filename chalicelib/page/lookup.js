// Looking things up: which key does what, and a bin by the beginning of its name.

import { entriesOf, query } from "./api.js";
import { dialog } from "./dialog.js";
import { announce, fill, h } from "./dom.js";
import { many } from "./format.js";
import { empty, failed, loading } from "./states.js";
import { brief, stateOf } from "./words.js";

const PAUSE_MS = 200;

const KEYS = [
	[["j", "↓"], "next bin"],
	[["k", "↑"], "previous bin"],
	[["0", "…", "9"], "say what the bin holds (operators)"],
	[["Enter"], "resolve with that count; without one, open the bin's page"],
	[["r"], "go to the count (operators)"],
	[["a"], "acknowledge: on my way (operators)"],
	[["m"], "assign to me, or give back (operators)"],
	[["p"], "ask for a new photo (operators)"],
	[["u"], "take the last resolution back (operators)"],
	[["n"], "show bins that are new"],
	[["z"], "picture large"],
	[["/"], "find a bin"],
	[["g"], "then q, c, s, p, x or t: queue, consignments, site, policy, rejected photos, trail"],
	[["Esc"], "close, or clear what was typed"],
	[["?"], "this help"],
];

/** Shows what keys do. */
export function help() {
	const line = ([names, text]) => h("tr", null, h("th", { scope: "row" }, names.map((name) => h("kbd", null, name))), h("td", null, text));
	const table = h("table", { class: "keys" }, h("tbody", null, KEYS.map(line)));
	const text = h("p", { class: "hint" }, "While you type in a field, only Esc, Enter and Tab have a meaning of their own.");
	dialog("Keys", h("div", null, table, text), { name: "help" });
}

/** Asks for a bin's name and lists those that begin so. */
export function find(app) {
	const found = h("div", { class: "found" });
	const input = h("input", { id: "find", type: "search", autocomplete: "off", spellcheck: "false", maxlength: 64, test: "find" });
	const go = (event) => {
		event.preventDefault();
		const name = input.value.trim();
		if (!name) return;
		box.close();
		location.hash = `#/bins/${encodeURIComponent(name)}`;
	};
	const form = h("form", { role: "search", onsubmit: go }, h("label", { for: "find" }, "The bin's name, or its beginning"), input, found);
	const box = dialog("Find a bin", form, { name: "finder" });
	let timer = null;
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => lookFor(app, input, found, box), PAUSE_MS);
	});
	input.focus();
}

async function lookFor(app, input, found, box) {
	const text = input.value.trim();
	if (!text) return fill(found);
	fill(found, loading("Looking", 1));
	try {
		const { body } = await app.api.get(query("v1/bins", { q: text, sort: "name", limit: 12 }, { site: app.siteText(app.site) }));
		// An answer to what was typed before comes too late.
		if (input.value.trim() === text) show(entriesOf(body), found, box);
	} catch (error) {
		fill(found, failed(error));
	}
	return null;
}

function show(bins, found, box) {
	const line = (bin) =>
		h(
			"li",
			null,
			h("a", { href: `#/bins/${bin.bin_id}`, onclick: () => box.close() }, h("b", null, bin.bin_id), h("span", { class: `tag ${bin.status}` }, stateOf(bin)), h("span", { class: "small" }, brief(bin))),
		);
	const none = () => empty("No bin of this site begins so", "Enter opens the bin of exactly this name.");
	fill(found, bins.length ? h("ul", null, bins.map(line)) : none());
	announce(many(bins.length, "bin"));
}
