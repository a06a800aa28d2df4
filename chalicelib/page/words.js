// Plain words for what the API says in codes: why a bin waits, what its states and reasons are called. Pure.

import { number, percent } from "./format.js";

export const STATES = {
	idle: "Released",
	waiting: "Waits for a photo",
	match: "Matches",
	mismatch: "Mismatch",
	review: "Review",
	unexpected: "Unexpected",
	rejected: "Photo rejected",
	resolved: "Resolved",
};

export const REASONS = {
	counted: "Counted at the bin",
	seen_in_picture: "Seen in the picture",
	misplaced: "Misplaced",
	damaged: "Damaged",
	lost: "Lost",
	wrong_consignment: "Consignment is wrong",
	wrong_photo: "Photo of another bin",
	other: "Other",
};

export const SEVERITIES = { high: "High", medium: "Medium", low: "Low" };

const REJECTIONS = {
	bad_key: "its name in the bucket names no bin",
	empty: "the file is empty",
	too_large: "the file is too large",
	not_an_image: "the file is no picture",
	gone: "it was deleted before it could be read",
	unsupported_format: "the picture is of a kind that is not read",
	truncated: "the picture ends too early",
	undecodable: "the picture is damaged",
	too_many_pixels: "the picture has too many pixels",
};

const ATTENTION = new Set(["mismatch", "review", "unexpected", "rejected"]);

/** Whether a bin waits for a person. */
export function waits(bin) {
	return ATTENTION.has(bin.status);
}

/** A state in two or three words; a mismatch says which way. */
export function stateOf(bin) {
	if (bin.status === "mismatch" && bin.direction) return bin.direction === "short" ? "Too few" : "Too many";
	if (bin.status === "review" && bin.is_audit) return "Random check";
	return STATES[bin.status] ?? bin.status;
}

/** In one line, why a bin waits. */
export function brief(bin) {
	switch (bin.status) {
		case "mismatch":
			return `${percent(bin.probability_of_mismatch)} likely wrong`;
		case "review":
			return bin.is_audit ? "Looks right; checked by chance" : `Can't tell: ${percent(bin.probability_of_mismatch)} likely wrong`;
		case "unexpected":
			return "No consignment names it";
		case "rejected":
			return upper(rejection(bin.reason));
		case "resolved":
			return "Resolved";
		default:
			return STATES[bin.status] ?? "";
	}
}

/** In sentences, why a bin was flagged, or what it is if it was not. */
export function why(bin) {
	const said = [WHY[bin.status]?.(bin)].flat().filter(Boolean);
	const isAgain = bin.alert?.state === "reopened";
	return isAgain ? [...said, `Somebody${bin.alert.by ? ` (${bin.alert.by})` : ""} took its resolution back.`] : said;
}

/** Why a photo could not be judged. */
export function rejection(reason) {
	return REJECTIONS[reason] ?? (reason ? reason.replaceAll("_", " ") : "no reason was recorded");
}

const WHY = {
	mismatch: (bin) => {
		const less = bin.direction === "over" ? "more" : "fewer";
		const [seen, held] = [bin.predicted, bin.expected];
		const shown = seen === null || seen === String(held) ? `Its photos point to ${less}` : `The newest photo shows ${seen}`;
		return [
			`${shown}, the consignment says ${held}.`,
			`The bin is ${percent(bin.probability_of_mismatch)} likely to hold ${less}; an alert goes out from ${percent(bin.alert_from)} on.`,
		];
	},
	review: (bin) =>
		bin.is_audit
			? [
					"The photo agrees with the consignment.",
					`A small share of matching bins is checked by chance, so that misses are seen at all${
						bin.stands_for > 1 ? `; this one stands for ${number(bin.stands_for)}` : ""
					}.`,
				]
			: [
					"The photo can't tell.",
					`The bin is ${percent(bin.probability_of_mismatch)} likely to be wrong: too much to leave it (from ${percent(
						bin.review_from,
					)} on), too little for an alert (from ${percent(bin.alert_from)} on).`,
				],
	unexpected: (bin) => [
		"No consignment names this bin.",
		bin.predicted === null ? null : `The photo shows ${bin.predicted}.`,
	],
	rejected: (bin) => [`The newest photo could not be judged: ${rejection(bin.reason)}.`, "Ask for a new one, or count."],
	match: (bin) => [`The photos agree with the consignment: ${percent(bin.probability_of_mismatch)} likely to be wrong.`],
	waiting: () => ["No photo has come since the consignment was loaded."],
	resolved: () => ["Somebody has said what it holds. Photos taken from then on count."],
	idle: () => ["No open consignment names this bin."],
};

function upper(text) {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
