import assert from "node:assert/strict";
import { test } from "node:test";

import { appended, compared, differs, renewed } from "./page/merge.js";
import { woven } from "./page/timeline.js";
import { span } from "./page/windowed.js";

const bins = (...names) => names.map((name) => ({ bin_id: name, version: 1 }));
const names = (entries) => entries.map((entry) => entry.bin_id).join("");

test("entries keep their places while their facts are renewed", () => {
	const fresh = [{ bin_id: "b", version: 2 }, { bin_id: "a", version: 1 }];
	const found = compared(bins("a", "b"), fresh, { isWhole: true, goesOn: false });
	assert.equal(names(found.bins), "ab");
	assert.equal(found.bins[1].version, 2);
});

test("a list that lags behind does not bring an older state back", () => {
	const shown = [{ bin_id: "a", version: 5, status: "resolved" }];
	assert.equal(compared(shown, bins("a"), { isWhole: true, goesOn: false }).bins[0].status, "resolved");
});

test("what is new is handed back apart", () => {
	assert.equal(names(compared(bins("b", "c"), bins("a", "b", "c"), { isWhole: true, goesOn: false }).added), "a");
});

test("what moved up from behind the page is no news", () => {
	const found = compared(bins("a", "b", "c"), bins("a", "c", "d"), { isWhole: false, goesOn: true });
	assert.equal(names(found.added), "");
	assert.equal(names(found.missing), "b");
});

test("a page full of new entries is all news", () => {
	assert.equal(names(compared(bins("x", "y"), bins("a", "b"), { isWhole: false, goesOn: true }).added), "ab");
});

test("an entry behind the page is not missing, unless the page is the whole list", () => {
	assert.equal(names(compared(bins("a", "z"), bins("a", "b"), { isWhole: false, goesOn: true }).missing), "");
	assert.equal(names(compared(bins("a", "z"), bins("a", "b"), { isWhole: true, goesOn: false }).missing), "z");
});

test("pages are laid behind each other, and nothing is shown twice", () => {
	assert.equal(names(appended(bins("a", "b"), bins("b", "c"))), "abc");
	assert.equal(names(renewed(bins("b", "c", "z"), bins("a", "b", "c"))), "abcz");
});

test("a new link to the same picture is no change that matters, another assignee is", () => {
	const before = { status: "review", assignee: null, picture_url: "one", version: 1 };
	assert.equal(differs(before, { ...before, picture_url: "two", version: 2 }), false);
	assert.equal(differs(before, { ...before, assignee: "mia" }), true);
});

test("a timeline ends where a list that goes on was not read further", () => {
	const at = (...times) => times.map((time) => ({ at: `2026-11-${time}T00:00:00Z` }));
	const lists = [{ cursor: "more", entries: at("20", "18") }, { cursor: null, entries: at("19", "02") }];
	assert.deepEqual(woven(lists).map((event) => event.at.slice(8, 10)), ["20", "19", "18"]);
});

test("of ten thousand rows only those that can be seen and a few more are drawn", () => {
	const [first, end] = span(500_000, 900, 100, 10_000);
	assert.ok(first <= 5000 && end >= 5009 && end - first < 30);
});

test("a list that has become short is drawn from what there is", () => {
	const [first, end] = span(500_000, 900, 100, 3);
	assert.ok(first >= 0 && first < end && end === 3);
});
