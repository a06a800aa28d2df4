// Distributions and hours as bars. The figures are worked out in pure functions; the drawing gives each a text as well.

import { h, s } from "./dom.js";
import { moment, number, percent } from "./format.js";

/** The classes of a distribution in order, with the expected one and the most probable one marked. */
export function classes(probabilities, expected) {
  const bars = Object.entries(probabilities ?? {})
    .map(([label, share]) => ({ label, share, least: Number.parseInt(label, 10) }))
    .sort((one, other) => one.least - other.least);
  const top = Math.max(...bars.map((bar) => bar.share));
  const own = expected === null || expected === undefined ? -1 : bars.findLastIndex((bar) => bar.least <= expected);
  const first = bars.findIndex((bar) => bar.share === top);
  return bars.map((bar, place) => ({ ...bar, isExpected: place === own, isCounted: place === first }));
}

/** The same in a sentence, for those who can't see the bars. */
export function told(bars) {
  const said = bars.filter((bar) => bar.share >= 0.005).map((bar) => `${bar.label}: ${percent(bar.share)}${bar.isExpected ? " (expected)" : ""}`);
  const own = bars.find((bar) => bar.isExpected);
  if (own && own.share < 0.005) said.push(`${own.label}, the expected count: ${percent(own.share)}`);
  return `Probability of each count. ${said.join("; ")}.`;
}

const WIDE = 30;

/** Bars of a distribution; `large` has the percentages and the counts below, else only the shape is drawn. */
export function distribution(probabilities, expected, { large = false } = {}) {
  const bars = classes(probabilities, expected);
  const [top, height, foot] = large ? [16, 84, 34] : [2, 34, 13];
  const width = bars.length * WIDE;
  const drawn = bars.map((bar, place) => column(bar, place * WIDE, { top, height, large }));
  return s(
    "svg",
    { class: `bars${large ? " large" : ""}`, viewBox: `0 0 ${width} ${top + height + foot}`, role: "img", "aria-label": told(bars) },
    drawn,
    s("path", { class: "ground", d: `M0 ${top + height}.5H${width}` }),
  );
}

function column(bar, x, { top, height, large }) {
  const tall = Math.max(bar.share > 0 ? 1.5 : 0, bar.share * height);
  const [middle, ground] = [x + WIDE / 2, top + height];
  const names = ["bar", bar.isCounted && "counted", bar.isExpected && "expected"].filter(Boolean).join(" ");
  return s(
    "g",
    { class: names },
    bar.isExpected && s("rect", { class: "slot", x: x + 2.5, y: top, width: WIDE - 5, height, rx: 2 }),
    s("rect", { class: "fill", x: x + 5, y: ground - tall, width: WIDE - 10, height: tall, rx: 1.5 }),
    large && bar.share >= 0.005 && s("text", { class: "share", x: middle, y: Math.max(10, ground - tall - 4) }, `${Math.round(bar.share * 100)}`),
    s("text", { class: "label", x: middle, y: ground + (large ? 15 : 11) }, bar.label),
    bar.isExpected && large && s("path", { class: "mark", d: `M${middle - 5} ${ground + 28}l5-7 5 7z` }),
  );
}

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

/** A share from 0 to 1 with the thresholds of review and alert on it. */
export function gauge(share, reviewFrom, alertFrom) {
  // A square root gives the low end, where the thresholds lie, the room it needs.
  const at = (value) => Math.sqrt(Math.min(1, Math.max(0, value))) * 200;
  const zone = (name, from, to) => s("rect", { class: `zone ${name}`, x: at(from), y: 6, width: Math.max(0, at(to) - at(from)), height: 6 });
  return s(
    "svg",
    { class: "gauge", viewBox: "-5 0 210 18", role: "img", "aria-label": `Probability of a mismatch ${percent(share)}; review from ${percent(reviewFrom)}, alert from ${percent(alertFrom)}.` },
    zone("match", 0, reviewFrom),
    zone("review", reviewFrom, alertFrom),
    zone("mismatch", alertFrom, 1),
    s("path", { class: "needle", d: `M${at(share)} 2v14` }),
    s("circle", { class: "needle", cx: at(share), cy: 9, r: 4 }),
  );
}

/** The text alternative of hours: the same as a table that opens on demand. */
export function hoursTable(rows, parts, names) {
  const head = h("tr", null, h("th", { scope: "col" }, "Hour"), parts.map((part) => h("th", { scope: "col", class: "num" }, names[part] ?? part)));
  const lines = rows.map((row) => h("tr", null, h("th", { scope: "row" }, moment(row.at)), parts.map((part) => h("td", { class: "num" }, number(row[part] ?? 0)))));
  return h("details", { class: "as-table" }, h("summary", null, "As a table"), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Hours as a table" }, h("table", null, h("thead", null, head), h("tbody", null, lines))));
}
