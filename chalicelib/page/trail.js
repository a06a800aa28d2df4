// Who changed what at a site: the audit trail, newest first.

import { query } from "./api.js";
import { action } from "./deeds.js";
import { h } from "./dom.js";
import { moment } from "./format.js";
import { Paged, table } from "./lists.js";
import { empty } from "./states.js";

export function view(app, site) {
	const list = new Paged(app.api, {
		path: (cursor) => query("v1/audit", { limit: 50, cursor }, { site: app.siteText(site) }),
		draw: (entries) => table("Changes", ["When", "Who", "Did what", "Of", "Before and after", "Note"], entries.map((entry) => row(app, entry))),
		none: () => empty("Nobody has changed anything yet", "Whatever people do at this site is kept here."),
		noun: "change",
	});
	list.more();
	return { title: "Trail", element: h("section", { class: "sheet" }, h("div", { class: "sheet-head" }, h("h1", null, `Trail of ${app.siteName(site)}`)), h("div", { class: "card" }, list.element)) };
}

function row(app, entry) {
	return [h("time", { datetime: entry.at }, moment(entry.at)), entry.by === app.me.name ? "you" : entry.by, action(entry), subject(entry), changes(entry), entry.note];
}

function subject(entry) {
	if (entry.bin_id) return h("a", { href: `#/bins/${entry.bin_id}` }, entry.bin_id);
	if (entry.consignment_id) return h("a", { href: `#/consignments/${entry.consignment_id}` }, entry.consignment_id);
	return entry.policy ? h("a", { href: `#/policy/${entry.site}` }, entry.policy) : entry.site;
}

function changes(entry) {
	const names = [...new Set([...Object.keys(entry.before ?? {}), ...Object.keys(entry.after ?? {})])].filter((name) => name !== "version" && shown(entry.before?.[name]) !== shown(entry.after?.[name]));
	const line = (name) => h("div", null, h("code", null, name), `: ${shown(entry.before?.[name])} → ${shown(entry.after?.[name])}`);
	return names.slice(0, 8).map(line);
}

function shown(value) {
	if (value === null || value === undefined) return "–";
	return typeof value === "object" ? JSON.stringify(value) : String(value);
}
