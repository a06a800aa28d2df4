// Questions in dialogs: the note of an action, and to sign in again.

import { dialog } from "./dialog.js";
import { h } from "./dom.js";
import { toast } from "./states.js";

const QUESTIONS = {
	"photo-request": ["Ask for a new photo", "Note for whoever takes it (may be left out)", "Ask for the photo"],
	reopening: ["Reopen", "Why was it no resolution? (may be left out)", "Reopen the bin"],
};

/** Asks for the note of an action in a dialog. */
export function askNote(binId, kind, run) {
	const [title, label, button] = QUESTIONS[kind];
	const note = h("textarea", { id: "asked-note", rows: 2, maxlength: 500, test: "asked-note" });
	const send = (event) => {
		event.preventDefault();
		box.close();
		run(note.value.trim());
	};
	const confirm = h("button", { type: "submit", class: "primary", test: "confirm" }, button);
	const form = h("form", { onsubmit: send }, h("label", { for: "asked-note" }, label), note, h("div", { class: "row" }, confirm));
	const box = dialog(`${title}: ${binId}`, form, { name: "asked" });
	note.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && send(event));
	note.focus();
}

/** The session has ended: nothing goes on until somebody has signed in again. What was typed is kept as drafts. */
export function askToSignIn(session) {
	const again = async () => (await import("./signin.js")).begin(session, location.hash);
	const button = h("button", { class: "primary", test: "sign-in-again", onclick: again }, "Sign in again");
	const text = h("p", null, "Sign in again to go on where you are. What you have typed is kept.");
	dialog("Your session has ended", h("div", null, text, h("div", { class: "row" }, button)), { name: "session-ended", isFirm: true });
	button.focus();
}

/** Takes a resolution back that was made a moment ago; returns the bin. */
export async function takeBack(app, bin) {
	const { body } = await app.api.change(`v1/bins/${bin.bin_id}/reopening`, { body: { note: "" }, version: bin.version, key: crypto.randomUUID() });
	toast(`${bin.bin_id}: the resolution was taken back.`);
	return body;
}
