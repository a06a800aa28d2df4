// Hours as stacked bars, with the same as a sentence and as a table.

import { h, s } from "./dom.js";
import { moment, number } from "./format.js";

/** Stacked bars of hours: `parts` are names in order from below, `rows` have `at` and a number for each of them. */
export function stacked(rows, parts, names, title) {
	const tallest = Math.max(1, ...rows.map((row) => total(row, parts)));
	const [step, height] = [12, 120];
	const drawn = rows.map((row, place) => pile(row, parts, { x: place * step, step, height, tallest, names }));
	return s(
		"svg",
		{ class: "hours", viewBox: `0 0 ${Math.max(1, rows.length) * step} ${height + 1}`, preserveAspectRatio: "none", role: "img", "aria-label": summary(rows, parts, names, title) },
		drawn,
		s("path", { class: "ground", d: `M0 ${height}.5H${rows.length * step}` }),
	);
}

/** One sentence about stacked hours. */
export function summary(rows, parts, names, title) {
	if (!rows.length) return `${title}: nothing yet.`;
	const busiest = rows.reduce((most, row) => (total(row, parts) > total(most, parts) ? row : most));
	const sums = parts.map((part) => `${names[part] ?? part} ${number(rows.reduce((sum, row) => sum + (row[part] ?? 0), 0))}`);
	return `${title}: ${sums.join(", ")}. Busiest hour ${moment(busiest.at)}, ${number(total(busiest, parts))}.`;
}

export function total(row, parts) {
	return parts.reduce((sum, part) => sum + (row[part] ?? 0), 0);
}

/** The text alternative of hours: the same as a table that opens on demand. */
export function hoursTable(rows, parts, names) {
	const head = h("tr", null, h("th", { scope: "col" }, "Hour"), parts.map((part) => h("th", { scope: "col", class: "num" }, names[part] ?? part)));
	const lines = rows.map((row) => h("tr", null, h("th", { scope: "row" }, moment(row.at)), parts.map((part) => h("td", { class: "num" }, number(row[part] ?? 0)))));
	return h("details", { class: "as-table" }, h("summary", null, "As a table"), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Hours as a table" }, h("table", null, h("thead", null, head), h("tbody", null, lines))));
}

function pile(row, parts, { x, step, height, tallest, names }) {
	let ground = height;
	const text = parts.map((part) => `${names[part] ?? part} ${row[part] ?? 0}`).join(", ");
	const rects = parts.map((part) => {
		const tall = ((row[part] ?? 0) / tallest) * height;
		ground -= tall;
		return tall > 0 && s("rect", { class: `part ${part}`, x: x + 1, y: ground, width: step - 2, height: tall });
	});
	return s("g", null, s("title", null, `${moment(row.at)}: ${text}`), s("rect", { class: "hit", x, y: 0, width: step, height }), rects);
}

/** Milliseconds as people say them. */
export function duration(milliseconds) {
	if (milliseconds === null || milliseconds === undefined) return "–";
	if (milliseconds < 1000) return `${number(milliseconds)} ms`;
	if (milliseconds < 120_000) return `${number(milliseconds / 1000, 1)} s`;
	return `${number(milliseconds / 60_000, 1)} min`;
}
