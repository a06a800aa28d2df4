// Two people on one bin: what the other one did is shown, and whoever came second decides. `pane` is where they work.

import { entriesOf } from "./api.js";
import { action } from "./deeds.js";
import { fill, h } from "./dom.js";
import { ago } from "./format.js";
import { REASONS, stateOf } from "./words.js";

/**
 * Says what has become of a bin that somebody works on, and lets them decide. `attempt` is what was refused for it (412);
 * then the bin is read first.
 */
export async function ask(pane, known, attempt = null) {
	const bin = known ?? (await pane.app.api.get(`v1/bins/${pane.binId}`)).body;
	pane.met = bin.version;
	const record = await lastAct(pane.app.api, bin.bin_id);
	if (pane.isGone) return;
	const settle = (then) => {
		pane.met = null;
		fill(pane.parts.notice);
		pane.form?.sees(bin);
		pane.show(bin);
		then();
		if (!pane.form?.isArmed) pane.drawForm(bin);
	};
	const drop = () => settle(() => pane.form?.clear());
	const again = () => attempt && pane.act(attempt.kind, attempt.body, { intent: attempt.intent, version: bin.version });
	const mine = pane.form?.isArmed ? pane.form.said : attempt?.body;
	pane.notice(`Bin ${bin.bin_id} has changed meanwhile`, told(bin, record, mine, Date.now()), [
		h("button", { test: "keep-theirs", onclick: drop }, "Leave it as it is now"),
		h("button", { test: "insist", onclick: () => settle(again) }, attempt ? "Save mine all the same" : "Go on with mine"),
	]);
}

/** What somebody else did, and what `mine` would say, in a sentence or two. Pure. */
export function told(bin, record, mine, now) {
	const held = record?.after?.true_count;
	const theirs = record ? `${record.by} ${action(record)} ${ago(record.at, now)}${Number.isInteger(held) ? `: it holds ${held}` : ""}.` : `The bin is now: ${stateOf(bin)}.`;
	return Number.isInteger(mine?.true_count) ? `${theirs} You say ${mine.true_count} (${REASONS[mine.reason]}).` : theirs;
}

async function lastAct(api, binId) {
	try {
		return entriesOf((await api.get(`v1/bins/${binId}/audit?limit=1`)).body)[0] ?? null;
	} catch {
		return null;
	}
}
