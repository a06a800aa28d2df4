// The page's beginning: signed in or not. What works only for somebody who is, `app.js` and all behind it, is loaded then.

import { fill, h } from "./dom.js";
import { Session } from "./session.js";

async function begin() {
	const place = document.getElementById("app");
	if (sessionStorage.getItem("bincheck.session")) preload(["app"]);
	fill(place, h("p", { class: "plain", role: "status" }, "Starting …"));
	let session = null;
	try {
		session = new Session({ config: await readConfig() });
		await comeBack(session);
		if (session.isOpen) await (await import("./app.js")).start(session, place);
		else (await import("./welcome.js")).welcome(place, session);
	} catch (error) {
		(await import("./welcome.js")).stumbled(place, session, error);
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

function preload(names) {
	document.head.append(...names.map((name) => h("link", { rel: "modulepreload", href: `page/${name}.js` })));
}

begin();
