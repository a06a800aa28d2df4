// Policy documents as a form has them: flat names, texts, what follows from them. Pure; the API has the last word.

/** The settings of a policy in the order of the form: its place in the document, label, what it means. */
export const SETTINGS = [
	["costs.false_alert", "False alert", "walking to a bin that is right; only the ratios of the three count"],
	["costs.missed_mismatch", "Missed mismatch", "leaving a wrong bin alone: raise it to find more"],
	["costs.review", "Review", "a look at the picture: raise it where reviewers are few"],
	["mismatch_rate", "Rate of mismatches", "share of bins that are wrong before any photo"],
	["anything_else", "Anything else", "of wrong bins, the share that differs in some other way"],
	["false_alert_bound", "Bound of false alerts", "of right bins, at most this share is ever alerted"],
	["missed_bound", "Bound of misses", "evidence this weak settles a bin"],
	["photo_correlation", "Photo correlation", "how much photos of one bin repeat each other, 0 to 1"],
	["audit_share", "Random checks", "of matching bins, the share that is reviewed all the same"],
];

export const LIMITS = [
	["review_per_hour", "Reviews an hour", "what the site's people can look at"],
	["adapt_from", "Learns from", "resolved bins"],
	["audits_from", "and from", "random checks among them"],
	["prior_bins", "Set rate counts as", "bins seen"],
	["lowest_rate", "Lowest learnt rate", ""],
	["highest_rate", "Highest learnt rate", ""],
	["alerts_per_window", "Alerts in a window", "more become one digest"],
	["window_minutes", "Window", "minutes"],
	["consignment_share", "Off consignment from share", "of its bins"],
	["consignment_least", "and from", "bins"],
];

/** The value at a place such as "costs.review". */
export function at(document, place) {
	return place.split(".").reduce((part, name) => part?.[name], document);
}

/** The document with another value at a place; undefined takes it out. */
export function put(document, place, value) {
	const [name, ...rest] = place.split(".");
	const next = Array.isArray(document) ? [...document] : { ...document };
	if (rest.length) next[name] = put(document?.[name] ?? {}, rest.join("."), value);
	else if (value === undefined) delete next[name];
	else next[name] = value;
	// Overrides may be empty, a group of costs among them may not.
	if (name === "costs" && Object.keys(next.costs).length === 0) delete next.costs;
	return next;
}

/** A number as somebody types it, with a point or a comma; null where it is none. */
export function numberIn(text) {
	const plain = String(text).trim().replace(",", ".");
	return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : null;
}

/** Deviations as one line: "-1: 0.7, 1: 0.3". */
export function deviationsText(deviations) {
	return Object.entries(deviations ?? {})
		.sort(([one], [other]) => one - other)
		.map(([step, share]) => `${step}: ${share}`)
		.join(", ");
}

/** The deviations in such a line; null where it can't be read. */
export function deviationsIn(text) {
	const pairs = text.split(",").map((part) => part.trim()).filter(Boolean).map((part) => part.split(":").map((piece) => piece.trim()));
	const areRead = pairs.length > 0 && pairs.every((pair) => pair.length === 2 && /^[+-]?[1-9]\d?$/.test(pair[0]) && numberIn(pair[1]) !== null);
	return areRead ? Object.fromEntries(pairs.map(([step, share]) => [String(Number(step)), numberIn(share)])) : null;
}

/** From which probability on bins are reviewed and alerted (chalicelib/policy.py has the same and why). */
export function thresholds({ costs, mismatch_rate: rate, false_alert_bound: bound }) {
	const { false_alert: alert, missed_mismatch: missed, review } = costs;
	const byCost = Math.max(1 - review / alert, alert / (alert + missed));
	const odds = (rate / (1 - rate)) * (1 / bound);
	const alertFrom = Math.max(byCost, odds / (1 + odds));
	return { reviewFrom: Math.min(review / missed, byCost, alertFrom), alertFrom };
}

/** Where two documents differ: place, one value, the other. */
export function differences(one, other, place = "") {
	const areParts = [one, other].every((value) => value && typeof value === "object" && !Array.isArray(value));
	if (!areParts) return JSON.stringify(one) === JSON.stringify(other) ? [] : [{ place, before: one, after: other }];
	const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
	return names.flatMap((name) => differences(one[name], other[name], place ? `${place}.${name}` : name));
}
