import assert from "node:assert/strict";
import { test } from "node:test";

import { classes, told } from "./page/bars.js";
import { parts, progressText } from "./page/consignments.js";
import { action } from "./page/deeds.js";
import { age, ago, moment, number, percent, rate } from "./page/format.js";
import { duration } from "./page/hours.js";
import { brief, stateOf, waits, why } from "./page/words.js";

const NOW = Date.parse("2026-11-27T12:00:00Z");
const MISMATCH = { bin_id: "A-17", status: "mismatch", direction: "short", expected: 5, predicted: "3", probability_of_mismatch: 0.92, alert_from: 0.17, review_from: 0.05, alert: { state: "open", by: null } };

for (const [share, text] of [[0, "0 %"], [0.0004, "under 0.1 %"], [0.0512, "5.1 %"], [0.17, "17 %"], [0.9999, "over 99 %"], [1, "100 %"], [null, "–"]]) {
	test(`a share of ${share} reads ${text}`, () => assert.equal(percent(share), text));
}

for (const [seconds, text] of [[10, "just now"], [60, "1 min"], [3599, "60 min"], [7200, "2 h"], [3 * 86400, "3 d"]]) {
	test(`what is ${seconds} seconds old is ${text} old`, () => assert.equal(age(new Date(NOW - seconds * 1000).toISOString(), NOW), text));
}

for (const [value, text] of [[0, "0"], [0.04, "0.04"], [1, "1"], [12.34, "12.3"], [null, "–"]]) {
	test(`a rate of ${value} reads ${text}`, () => assert.equal(rate(value), text));
}

test("a time ahead of the reader's clock is just now", () => assert.equal(ago("2026-11-27T12:00:30Z", NOW), "just now"));

test("what is unknown is a dash and never NaN", () => {
	assert.deepEqual([number(null), number(Number.NaN), age("no time", NOW), moment(null), duration(null)], ["–", "–", "–", "–", "–"]);
});

test("an expected count in the open class marks the last bar, the most probable count its own", () => {
	const bars = classes({ "6+": 0.3, 0: 0.1, 5: 0.6 }, 9);
	assert.deepEqual(bars.map((bar) => bar.label), ["0", "5", "6+"]);
	assert.deepEqual(bars.map((bar) => bar.isExpected), [false, false, true]);
	assert.deepEqual(bars.map((bar) => bar.isCounted), [false, true, false]);
});

test("where nothing is expected no bar is marked as expected", () => {
	assert.equal(classes({ 0: 0.4, 1: 0.6 }, null).some((bar) => bar.isExpected), false);
});

test("the bars' text names the expected count even where it is next to impossible", () => {
	assert.match(told(classes({ 0: 0.001, 1: 0.999 }, 0)), /0, the expected count: 0.1 %/);
});

test("a mismatch says what is seen, what is expected, how likely it is wrong and from when on that alerts", () => {
	const text = why(MISMATCH).join(" ");
	for (const part of ["shows 3", "says 5", "92 %", "fewer", "17 %"]) assert.ok(text.includes(part), `${part} in: ${text}`);
});

test("a mismatch whose newest photo agrees does not claim that it differs", () => {
	assert.match(why({ ...MISMATCH, predicted: "5" })[0], /^Its photos point to fewer/);
});

test("a random check is not told as a doubt", () => {
	const bin = { ...MISMATCH, status: "review", is_audit: true, stands_for: 100 };
	assert.equal(stateOf(bin), "Random check");
	assert.match(why(bin).join(" "), /agrees.*stands for 100/);
	assert.doesNotMatch(brief(bin), /can't tell/i);
});

test("a reopened bin says who took its resolution back", () => {
	assert.match(why({ ...MISMATCH, alert: { state: "reopened", by: "mia" } }).at(-1), /mia/);
});

test("every state that the API knows has words, and only four wait for a person", () => {
	const states = ["idle", "waiting", "match", "mismatch", "review", "unexpected", "rejected", "resolved"];
	for (const status of states) assert.ok(brief({ ...MISMATCH, status, reason: "empty" }) && why({ ...MISMATCH, status, reason: "empty" }).length, status);
	assert.deepEqual(states.filter((status) => waits({ status })), ["mismatch", "review", "unexpected", "rejected"]);
});

test("an assignment reads by whom it was given to", () => {
	assert.equal(action({ action: "assignment", by: "mia", after: { assignee: "mia" } }), "took the bin on");
	assert.equal(action({ action: "assignment", by: "mia", after: { assignee: "olga" } }), "assigned the bin to olga");
	assert.equal(action({ action: "assignment", by: "mia", after: { assignee: null } }), "gave the bin back");
});

test("the parts of a consignment are its bins, each once", () => {
	const progress = { bins: 10, waiting: 3, checked: 7, matching: 4, open: 2, resolved: 0 };
	assert.equal(parts(progress).reduce((sum, part) => sum + part.bins, 0), 10);
	assert.equal(progressText(progress), "Of 10 bins 4 match, 2 are open, 4 wait for a photo.");
});
