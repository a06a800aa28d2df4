// Sending what somebody decided about a bin in a `pane`, and what becomes of it.

import { Intent, NoAnswer, Problem, SessionEnded } from "./api.js";
import { fill, h } from "./dom.js";
import { said, toast } from "./states.js";

const DONE = {
	acknowledgement: () => "acknowledged.",
	assignment: (bin) => (bin.assignee ? `assigned to ${bin.assignee}.` : "given back."),
	"photo-request": () => "a new photo was asked for.",
	reopening: () => "reopened.",
};

/** Sends one action. Whatever goes wrong is said in place; trying again sends the same under the same key. */
export async function send(pane, kind, body, { intent = intentOf(pane, kind), version = pane.bin.version } = {}) {
	const before = pane.bin;
	setBusy(pane, true);
	try {
		const { body: bin } = await pane.app.api.change(`v1/bins/${pane.binId}/${kind}`, { body, version, key: intent.keyFor(body) });
		intent.done();
		done(pane, kind, bin, before);
	} catch (error) {
		await refused(pane, error, { kind, body, intent });
	} finally {
		setBusy(pane, false);
	}
}

/** Says in the pane why an attempt came to nothing, and offers what can be done. */
export async function refused(pane, error, attempt) {
	const status = error instanceof Problem ? error.status : null;
	if (status === 412) return (await import("./conflict.js")).ask(pane, null, attempt);
	const isWorthIt = status === null || status === 429 || status >= 500;
	if (!isWorthIt) attempt.intent.done();
	const [title, text] = inWords(error);
	pane.notice(title, text, isWorthIt && [h("button", { test: "again", onclick: () => again(pane, attempt) }, "Try again")]);
	if (status === 409) pane.poller.now();
	return null;
}

function again(pane, { kind, body, intent }) {
	fill(pane.parts.notice);
	// Of a form that is filled in, what it says now.
	return kind === "resolution" && pane.form?.isArmed ? pane.form.send() : send(pane, kind, body, { intent });
}

function done(pane, kind, bin, before) {
	pane.met = null;
	fill(pane.parts.notice);
	if (kind === "resolution") {
		pane.form?.clear();
		pane.parts.form.dataset.kind = "";
	} else toast(`${bin.bin_id}: ${DONE[kind](bin)}`);
	pane.show(bin);
	pane.acted(kind, bin, before);
}

function setBusy(pane, isBusy) {
	pane.isActing = isBusy;
	pane.form?.setBusy(isBusy);
	for (const button of pane.parts.actions.querySelectorAll("button")) button.inert = isBusy;
	pane.parts.actions.setAttribute("aria-busy", isBusy);
}

function intentOf(pane, kind) {
	pane.intents[kind] ??= new Intent();
	return pane.intents[kind];
}

function inWords(error) {
	const [title, text] = said(error);
	if (!(error instanceof NoAnswer)) return [title, error instanceof SessionEnded ? text : `Not saved. ${text}`];
	if (navigator.onLine === false) return ["Not saved: you are offline", "Nothing was sent. Try again when the network is back."];
	return ["No answer: it isn't known whether this was saved", "Try again: nothing is done twice."];
}
