// Distributions as bars. What they say is worked out in pure functions; each drawing has a text as well.

import { s } from "./dom.js";
import { percent } from "./format.js";

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

const LARGE = { wide: 52, gap: 9, top: 16, height: 84, foot: 32, large: true };
const SMALL = { wide: 20, gap: 3, top: 1, height: 46, foot: 19, large: false };

/** The large bars have percentages and a text, the small ones are but a shape beside words. */
export function distribution(probabilities, expected, { large = false } = {}) {
	const bars = classes(probabilities, expected);
	const size = large ? LARGE : SMALL;
	const [width, ground] = [bars.length * size.wide, size.top + size.height];
	const drawn = bars.map((bar, place) => column(bar, place * size.wide, size));
	const meaning = large ? { role: "img", "aria-label": told(bars) } : { "aria-hidden": "true" };
	return s(
		"svg",
		{ class: `bars${large ? " large" : ""}`, viewBox: `0 0 ${width} ${ground + size.foot}`, ...meaning },
		drawn,
		s("path", { class: "ground", d: `M0 ${ground}.5H${width}` }),
	);
}

function column(bar, x, { wide, gap, top, height, large }) {
	const tall = Math.max(bar.share > 0 ? 1.5 : 0, bar.share * height);
	const [middle, ground] = [x + wide / 2, top + height];
	const names = ["bar", bar.isCounted && "counted", bar.isExpected && "expected"].filter(Boolean).join(" ");
	return s(
		"g",
		{ class: names },
		bar.isExpected && s("rect", { class: "slot", x: x + gap / 2, y: top, width: wide - gap, height, rx: 2 }),
		s("rect", { class: "fill", x: x + gap, y: ground - tall, width: wide - 2 * gap, height: tall, rx: 1.5 }),
		large && bar.share >= 0.005 && s("text", { class: "share", x: middle, y: Math.max(10, ground - tall - 4) }, `${Math.round(bar.share * 100)}`),
		(large || bar.isExpected || bar.isCounted) && s("text", { class: "label", x: middle, y: ground + (large ? 14 : 17) }, bar.label),
		bar.isExpected && large && s("path", { class: "mark", d: `M${middle - 5} ${ground + 27}l5-7 5 7z` }),
	);
}
