// Questions before and after an action: a note for it, and what somebody else did meanwhile.

import { entriesOf } from "./api.js";
import { action } from "./deeds.js";
import { h } from "./dom.js";
import { ago } from "./format.js";
import { dialog } from "./dialog.js";
import { REASONS, stateOf } from "./words.js";

const QUESTIONS = {
  "photo-request": ["Ask for a new photo", "Note for whoever takes it (may be left out)", "Ask for the photo"],
  reopening: ["Reopen", "Why was it no resolution? (may be left out)", "Reopen the bin"],
};

/** Asks for the note of an action in a dialog. */
export function askNote(binId, kind, run) {
  const [title, label, button] = QUESTIONS[kind];
  const note = h("textarea", { id: "asked-note", rows: 2, maxlength: 500, "data-testid": "asked-note" });
  const send = (event) => {
    event.preventDefault();
    box.close();
    run(note.value.trim());
  };
  const confirm = h("button", { type: "submit", class: "primary", "data-testid": "confirm" }, button);
  const form = h("form", { onsubmit: send }, h("label", { for: "asked-note" }, label), note, h("div", { class: "row" }, confirm));
  const box = dialog(`${title}: ${binId}`, form, { name: "asked" });
  note.addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && send(event));
  note.focus();
}

/** What has become of a bin that somebody is about to change: a title and a sentence. `mine` is what they would say. */
export async function told(api, bin, mine) {
  const record = await lastAct(api, bin.bin_id);
  const theirs = record ? `${record.by} ${action(record)} ${ago(record.at, Date.now())}${heldBy(record)}.` : `The bin is now: ${stateOf(bin)}.`;
  const isSaid = Number.isInteger(mine?.true_count);
  return [`Bin ${bin.bin_id} has changed meanwhile`, isSaid ? `${theirs} You say ${mine.true_count} (${REASONS[mine.reason]}).` : theirs];
}

async function lastAct(api, binId) {
  try {
    return entriesOf((await api.get(`v1/bins/${binId}/audit?limit=1`)).body)[0] ?? null;
  } catch {
    return null;
  }
}

function heldBy(record) {
  const held = record.after?.true_count;
  return held === undefined || held === null ? "" : `: it holds ${held}`;
}

/** The session has ended: nothing goes on until somebody has signed in again. What was typed is kept as drafts. */
export function askToSignIn(session) {
  const again = async () => (await import("./signin.js")).begin(session, location.hash);
  const button = h("button", { type: "button", class: "primary", "data-testid": "sign-in-again", onclick: again }, "Sign in again");
  const text = h("p", null, "Sign in again to go on where you are. What you have typed is kept.");
  dialog("Your session has ended", h("div", null, text, h("div", { class: "row" }, button)), { name: "session-ended", isFirm: true });
  button.focus();
}
