// What is shown to somebody who is not signed in, or where the page can't start.

import { fill, h } from "./dom.js";
import { SigninFailed } from "./session.js";

/** Offers to sign in; `trouble` is why the last try came to nothing. */
export function welcome(place, session, trouble = null) {
	const isSetUp = Boolean(session.config.authorize_url);
	const go = async () => (await import("./signin.js")).begin(session, location.hash);
	const button = h("button", { class: "primary", test: "sign-in", onclick: go }, "Sign in");
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

/** Says why the page can't start, and what can be done. */
export function stumbled(place, session, error) {
	if (session && error?.name === "SessionEnded") return welcome(place, session, "Your session has ended.");
	if (session && error instanceof SigninFailed) return welcome(place, session, error.message);
	const isShutOut = error?.status === 403;
	const [title, text] = isShutOut
		? ["No role", "You are signed in, but have neither the role viewer nor operator. Ask whoever runs Bincheck for one."]
		: ["The page can't start", error?.name === "NoAnswer" || error instanceof TypeError ? "No answer from the service." : error.message];
	const out = async () => (await import("./signin.js")).leave(session);
	const buttons = [
		h("button", { class: "primary", onclick: () => location.reload() }, "Try again"),
		session?.isOpen && h("button", { onclick: out }, "Sign out"),
	];
	return fill(place, h("main", { class: "plain", role: "alert", test: "failed" }, h("h1", null, title), h("p", null, text), h("div", { class: "row" }, buttons)));
}

/** What stands in the place of the queue where nothing was ever loaded. */
export function noSite() {
	return h("section", { class: "plain" }, h("h1", null, "No site yet"), h("p", null, "A site appears here once a consignment names it."), h("a", { href: "#/consignments" }, "Load a consignment"));
}
