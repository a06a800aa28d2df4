// The page's beginning: signed in or not. What works only for somebody who is, `app.js` and all behind it, is loaded then.

import { fill, h } from "./dom.js";
import { Session, SigninFailed } from "./session.js";

const BEHIND = ["api", "bars", "drafts", "format", "keys", "merge", "newest", "pane", "poll", "queue", "resolve", "shell", "states", "windowed", "words"];

async function begin() {
  const place = document.getElementById("app");
  if (sessionStorage.getItem("bincheck.session")) preload(["app", ...BEHIND]);
  fill(place, h("p", { class: "plain", role: "status" }, "Starting …"));
  let session = null;
  try {
    session = new Session({ config: await readConfig() });
    await comeBack(session);
    if (session.isOpen) await (await import("./app.js")).start(session, place);
    else welcome(place, session);
  } catch (error) {
    stumbled(place, session, error);
  }
}

/** Ends a sign-in that was begun, if the address is an issuer's answer. */
async function comeBack(session) {
  if (!/[?&]state=/.test(location.search)) return;
  const signin = await import("./signin.js");
  if (!signin.isAnswer(location.href)) return;
  const address = location.href;
  // Out of the address first: a code must not be tried twice, nor stay in the history.
  history.replaceState(null, "", location.pathname);
  history.replaceState(null, "", location.pathname + (await signin.finish(session, address)));
}

async function readConfig() {
  const answer = await fetch("page/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`The page's configuration can't be read (${answer.status}).`);
  return answer.json();
}

function welcome(place, session, trouble = null) {
  const isSetUp = Boolean(session.config.authorize_url);
  const go = async () => (await import("./signin.js")).begin(session, location.hash);
  const button = h("button", { type: "button", class: "primary", "data-testid": "sign-in", onclick: go }, "Sign in");
  fill(
    place,
    h(
      "main",
      { class: "plain welcome" },
      h("h1", null, "Bincheck"),
      h("p", null, "Tells from photos whether bins hold what their consignments say."),
      trouble && h("p", { class: "mistake", role: "alert" }, trouble),
      isSetUp ? button : h("p", { role: "alert" }, "Signing in is not set up here: the operations guide says what it needs."),
    ),
  );
}

function stumbled(place, session, error) {
  if (session && error?.name === "SessionEnded") return welcome(place, session, "Your session has ended.");
  if (session && error instanceof SigninFailed) return welcome(place, session, error.message);
  const isShutOut = error?.status === 403;
  const [title, text] = isShutOut
    ? ["No role", "You are signed in, but have neither the role viewer nor operator. Ask whoever runs Bincheck for one."]
    : ["The page can't start", error?.name === "NoAnswer" || error instanceof TypeError ? "No answer from the service." : error.message];
  const out = async () => (await import("./signin.js")).leave(session);
  const buttons = [
    h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Try again"),
    session?.isOpen && h("button", { type: "button", onclick: out }, "Sign out"),
  ];
  return fill(place, h("main", { class: "plain", role: "alert", "data-testid": "failed" }, h("h1", null, title), h("p", null, text), h("div", { class: "row" }, buttons)));
}

function preload(names) {
  document.head.append(...names.map((name) => h("link", { rel: "modulepreload", href: `page/${name}.js` })));
}

begin();
