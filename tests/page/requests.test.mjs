import assert from "node:assert/strict";
import { test } from "node:test";

import { Api, Intent, NoAnswer, Problem, query, quoted, SessionEnded } from "./page/api.js";
import { command } from "./page/keys.js";
import { Newest } from "./page/newest.js";
import { pause, Poller } from "./page/poll.js";
import { at, deviationsIn, deviationsText, differences, numberIn, put, thresholds } from "./page/rules.js";

/** A service that answers from a list and remembers what it was asked. */
class Service {
	constructor(...answers) {
		this.answers = answers;
		this.asked = [];
		this.fetch = async (url, request) => {
			this.asked.push({ url, ...request });
			const answer = this.answers.shift();
			if (answer instanceof Error) throw answer;
			return answer;
		};
	}
}

class Desk {
	constructor(...renewals) {
		this.renewals = renewals;
		this.endings = 0;
		this.number = 1;
	}

	token() {
		return `token-${this.number}`;
	}

	async renewed() {
		const isFresh = this.renewals.shift() ?? false;
		if (isFresh) this.number += 1;
		return isFresh;
	}

	ended() {
		this.endings += 1;
	}
}

const answer = (status, body, headers = {}) => new Response(body === null ? null : JSON.stringify(body), { status, headers });
const api = (service, session = new Desk()) => new Api({ session, fetch: service.fetch });

test("what has not changed comes from memory by its ETag", async () => {
	const service = new Service(answer(200, { version: 3 }, { ETag: '"3"' }), answer(304, null));
	const here = api(service);
	await here.get("v1/bins/A");
	const again = await here.get("v1/bins/A");
	assert.equal(service.asked[1].headers["If-None-Match"], '"3"');
	assert.deepEqual([again.body, again.isNew], [{ version: 3 }, false]);
});

test("a change names the version that it was decided on, and its key", async () => {
	const service = new Service(answer(200, {}));
	await api(service).change("v1/bins/A/resolution", { body: { true_count: 2 }, version: 7, key: "k" });
	const { headers, method } = service.asked[0];
	assert.deepEqual([method, headers["If-Match"], headers["Idempotency-Key"]], ["POST", '"7"', "k"]);
});

test("a version becomes an ETag once", () => assert.deepEqual([quoted(3), quoted('"3"')], ['"3"', '"3"']));

test("an expired token is renewed without a word, and the request is sent again as it was", async () => {
	const service = new Service(answer(401, {}), answer(200, { done: true }));
	const done = await api(service, new Desk(true)).change("v1/x", { body: { a: 1 }, key: "k" });
	assert.deepEqual(done.body, { done: true });
	assert.deepEqual(service.asked.map((one) => [one.headers.Authorization, one.headers["Idempotency-Key"], one.body]), [["Bearer token-1", "k", '{"a":1}'], ["Bearer token-2", "k", '{"a":1}']]);
});

test("where no fresh token is to be had the session has ended, and whoever works here is asked", async () => {
	const desk = new Desk(false);
	await assert.rejects(api(new Service(answer(401, {})), desk).get("v1/x"), SessionEnded);
	assert.equal(desk.endings, 1);
});

test("a refusal has its code, its places and how long to wait", async () => {
	const body = { error: "unprocessable", message: "no", errors: [{ line: 3, field: "a", message: "b" }] };
	await assert.rejects(api(new Service(answer(422, body))).get("v1/x"), (error) => error instanceof Problem && error.code === "unprocessable" && error.errors[0].line === 3);
	await assert.rejects(api(new Service(answer(429, {}, { "Retry-After": "7" }))).get("v1/x"), (error) => error.retryAfter === 7);
});

test("an answer that is no JSON is a refusal all the same", async () => {
	const page = new Response("<html>bad gateway</html>", { status: 502 });
	await assert.rejects(api(new Service(page)).get("v1/x"), (error) => error instanceof Problem && error.status === 502);
});

test("no answer is told apart from a refusal", async () => {
	await assert.rejects(api(new Service(new TypeError("network"))).get("v1/x"), NoAnswer);
});

test("repeats of the same content have one key, other content has another, and what is done begins anew", () => {
	let made = 0;
	const intent = new Intent(() => `key-${(made += 1)}`);
	const first = intent.keyFor({ true_count: 2 });
	assert.equal(intent.keyFor({ true_count: 2 }), first);
	assert.notEqual(intent.keyFor({ true_count: 3 }), first);
	const last = intent.keyFor({ true_count: 3 });
	intent.done();
	assert.notEqual(intent.keyFor({ true_count: 3 }), last);
});

test("an intent that was kept over a reload keeps its key", () => {
	const kept = new Intent(() => "other", { content: '{"true_count":2}', key: "kept" });
	assert.equal(kept.keyFor({ true_count: 2 }), "kept");
});

test("a query leaves out what is not asked for, and keeps the site without a name", () => {
	assert.equal(query("v1/bins", { q: "", limit: 5, cursor: null }, { site: "" }), "v1/bins?site=&limit=5");
});

test("pauses grow with failures, are spread, and end at the longest", () => {
	const rhythm = { every: 4000, most: 60_000 };
	assert.equal(pause(0, rhythm, 0.9), 4000);
	assert.ok(pause(1, rhythm, 0) < pause(1, rhythm, 1));
	assert.ok(pause(3, rhythm) > pause(2, rhythm));
	assert.ok(pause(50, rhythm, 1) <= 60_000 * 1.25);
});

test("several who want news at once share one request, and a hidden page plans none", async () => {
	let asked = 0;
	const page = { visibilityState: "hidden", addEventListener() {}, removeEventListener() {} };
	const poller = new Poller({ every: 10, most: 20, run: async () => void (asked += 1), page, host: page });
	poller.isStopped = false;
	await Promise.all([poller.now(), poller.now()]);
	assert.deepEqual([asked, poller.timer], [1, null]);
});

test("a failure is told and counted, and the next success forgets it", async () => {
	const told = [];
	const page = { visibilityState: "hidden", addEventListener() {}, removeEventListener() {} };
	let isBroken = true;
	const run = async () => {
		if (isBroken) throw new Error("down");
	};
	const poller = new Poller({ every: 10, most: 20, run, failed: (error) => told.push(error.message), page, host: page });
	await poller.now();
	assert.deepEqual([told, poller.failures], [["down"], 1]);
	isBroken = false;
	await poller.now();
	assert.equal(poller.failures, 0);
});

test("a fresh link is asked for once, however many wait for it, and is of no use for another photo", async () => {
	let asked = 0;
	const newest = new Newest(async () => ({ picture_url: `https://photos/${(asked += 1)}` }));
	const bin = { bin_id: "A", image: { bucket: "b", key: "k", version: "1" } };
	const told = [];
	await new Promise((done) => {
		newest.again(bin, (outcome) => told.push(outcome));
		newest.again(bin, (outcome) => done(told.push(outcome)));
	});
	assert.deepEqual([asked, told.length], [1, 2]);
	assert.equal(newest.of(bin).picture_url, "https://photos/1");
	assert.equal(newest.of({ ...bin, image: { ...bin.image, version: "2" } }), null);
});

test("keys mean commands, but not while one types, and not with Ctrl", () => {
	assert.equal(command({ key: "j" }), "next");
	assert.equal(command({ key: "7" }), "digit");
	assert.equal(command({ key: "j", isTyping: true }), null);
	assert.equal(command({ key: "Escape", isTyping: true }), "escape");
	assert.equal(command({ key: "a", ctrlKey: true }), null);
});

test("a button that has the focus keeps its Enter", () => {
	assert.equal(command({ key: "Enter", isOnControl: true }), null);
	assert.equal(command({ key: "j", isOnControl: true }), "next");
});

const POLICY = { costs: { false_alert: 6, missed_mismatch: 100, review: 5 }, mismatch_rate: 0.02, false_alert_bound: 0.1 };

test("the default's thresholds are those of the checker: review from 0.05, alert from 0.1695", () => {
	const { reviewFrom, alertFrom } = thresholds(POLICY);
	assert.deepEqual([reviewFrom.toFixed(4), alertFrom.toFixed(4)], ["0.0500", "0.1695"]);
});

test("where bins are often wrong the bound decides, as in the checker", () => {
	assert.equal(thresholds({ ...POLICY, mismatch_rate: 0.1 }).alertFrom.toFixed(4), "0.5263");
});

test("a setting is put in its place and nothing else is touched", () => {
	const document = { default: POLICY, groups: [{ name: "a", bins: [], overrides: {} }] };
	const changed = put(document, "default.costs.review", 4);
	assert.deepEqual(differences(document, changed), [{ place: "default.costs.review", before: 5, after: 4 }]);
	assert.equal(at(document, "default.costs.review"), 5);
});

test("an override comes and goes within its group, which stays one of a list", () => {
	const document = { groups: [{ name: "a", bins: ["A-*"], overrides: {} }] };
	const changed = put(document, "groups.0.overrides.costs.review", 4);
	assert.deepEqual(changed.groups, [{ name: "a", bins: ["A-*"], overrides: { costs: { review: 4 } } }]);
	assert.deepEqual(put(changed, "groups.0.overrides.costs.review", undefined), document);
});

test("numbers are read with a point or a comma, and what is none is refused", () => {
	assert.deepEqual([numberIn(" 0,5 "), numberIn("1e-3"), numberIn(""), numberIn("x")], [0.5, 0.001, null, null]);
});

test("deviations are read as they are written", () => {
	const deviations = { "-1": 0.7, 1: 0.3 };
	assert.deepEqual(deviationsIn(deviationsText(deviations)), deviations);
	assert.deepEqual(["0: 1", "1", "", "x: 1"].map(deviationsIn), [null, null, null, null]);
});
