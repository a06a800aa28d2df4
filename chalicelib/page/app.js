// The page for somebody who is signed in: which view is shown, and what keys do. Each view is an object with `element`,
// `stop()` and perhaps `command(name, text)`; those that are not the queue are loaded when they are first wanted.

import { Api, entriesOf } from "./api.js";
import { fill, h } from "./dom.js";
import { prefer, preferred } from "./drafts.js";
import { command, VIEWS } from "./keys.js";
import { Newest } from "./newest.js";
import { Queue } from "./queue.js";
import { Shell } from "./shell.js";
import { failed, liveRegions } from "./states.js";

const SITES_MS = 60_000;
const AHEAD_MS = 1500;
const HASH_MS = 150;
const NOWHERE = "~";
/* Stands in the address for the bins that are at no site; no site can have this name. */

// Loaded when they are first opened, so that the page's first load stays under 100 kB.
const VIEWS_WITH_NAME = {
	bins: () => import("./bins.js"),
	site: () => import("./site.js"),
	policy: () => import("./policy.js"),
	trail: () => import("./trail.js"),
};
const VIEWS_WITHOUT = { consignments: () => import("./consignments.js"), rejections: () => import("./rejections.js") };
const OF_SITE = ["site", "policy", "trail"];

class App {
	constructor(session) {
		this.session = session;
		this.api = new Api({ session: { token: () => session.token(), renewed: () => session.renewed(), ended: () => this.sessionEnded() }, heard: (isHeard) => this.heard(isHeard) });
		this.newest = new Newest(async (binId) => entriesOf((await this.api.get(`v1/bins/${binId}/inspections?limit=1`)).body)[0]);
		this.wide = matchMedia("(min-width: 900px)");
		this.lastHeard = Date.now();
	}

	get mayAct() {
		return this.me.role === "operator";
	}

	isWide() {
		return this.wide.matches;
	}

	async start(place) {
		liveRegions();
		const [me, sites] = await Promise.all([this.api.get("v1/me"), this.readSites()]);
		this.me = me.body;
		this.sites = sites;
		const names = sites.map((one) => one.site ?? NOWHERE);
		this.site = names.includes(preferred("site")) ? preferred("site") : (names[0] ?? null);
		this.shell = new Shell(this);
		fill(place, this.shell.element);
		this.shell.connection(true);
		addEventListener("hashchange", () => this.route());
		addEventListener("keydown", (event) => this.pressed(event));
		addEventListener("offline", () => this.heard(false));
		setInterval(() => this.refreshSites(), SITES_MS);
		await this.route();
		setTimeout(fetchAhead, AHEAD_MS);
	}

	async readSites() {
		return entriesOf((await this.api.get("v1/sites")).body);
	}

	async refreshSites() {
		if (document.visibilityState === "hidden") return;
		try {
			this.sites = await this.readSites();
			this.shell.at(this.viewName, this.site);
		} catch {
			// The chooser keeps what it has.
		}
	}

	async route() {
		const asked = (this.asked = placeIn(location.hash));
		const { name, first, second } = asked;
		if (name === "queue" && this.view instanceof Queue && this.view.site === first) return this.sameQueue(second);
		let make = null;
		try {
			make = await this.maker(asked);
		} catch (error) {
			return fill(this.shell.view, failed(error, () => this.route()));
		}
		if (this.asked !== asked) return;
		if (!make && this.site === null) return fill(this.shell.view, (await import("./welcome.js")).noSite());
		if (!make) return location.replace(`#/queue/${this.site}`);
		this.view?.stop?.();
		this.view = make();
		this.viewName = name;
		this.shell.at(name === "bins" ? "queue" : name, this.site);
		fill(this.shell.view, this.view.element);
		this.shell.view.dataset.view = name;
		this.shell.view.scrollTop = 0;
		document.title = `${this.view.title ?? "Queue"} · Bincheck`;
		if (this.wasRouted) this.shell.view.focus({ preventScroll: true });
		this.wasRouted = true;
	}

	async maker({ name, first, second, values }) {
		if (name === "queue" && first) return () => new Queue(this.withSite(first), first, second);
		if (first && OF_SITE.includes(name)) this.withSite(first);
		if (name === "consignments" && values.get("site")) this.withSite(values.get("site"));
		const known = first ? { ...VIEWS_WITHOUT, ...VIEWS_WITH_NAME } : VIEWS_WITHOUT;
		if (!Object.hasOwn(known, name)) return null;
		moreStyles();
		const { view } = await known[name]();
		return () => view(this, first, values);
	}

	sameQueue(binId) {
		if (binId && binId !== this.view.chosen) this.view.choose(binId, { isOpened: true });
		if (!binId && !this.isWide()) this.view.shut();
	}

	withSite(site) {
		this.site = site;
		prefer("site", site);
		return this;
	}

	goToSite(site) {
		const name = OF_SITE.includes(this.viewName) ? this.viewName : "queue";
		location.hash = this.viewName === "consignments" ? `#/consignments?site=${site}` : `#/${name}/${site}`;
	}

	/** A site as the API's queries name it, and as people do. */
	siteText(site) {
		return site === NOWHERE ? "" : site;
	}

	siteName(site) {
		return site === NOWHERE ? "no site" : site;
	}

	/** Changes the address without a new view; `isStep` so that "back" comes back. */
	replaceHash(hash, isStep = false) {
		clearTimeout(this.hashTimer);
		const before = location.hash;
		if (isStep && before !== hash) history.pushState(null, "", hash);
		// Browsers refuse many changes in a row, and who leaves meanwhile must not be called back.
		if (!isStep) this.hashTimer = setTimeout(() => location.hash === before && history.replaceState(null, "", hash), HASH_MS);
	}

	pressed(event) {
		if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
		const { target } = event;
		const isTyping = target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
		const isOnControl = target.matches?.("a, button, summary, input");
		const found = command({ key: event.key, ctrlKey: event.ctrlKey, altKey: event.altKey, metaKey: event.metaKey, isTyping, isOnControl });
		if (this.isGoing && VIEWS[event.key] && !isTyping) return this.go(event);
		this.isGoing = found === "go";
		if (!found || !this.carryOut(found, event)) return null;
		return event.preventDefault();
	}

	carryOut(name, event) {
		if (name === "help" || name === "find") return this.lookUp(name), true;
		if (name === "escape" && event.target.matches?.("input, textarea") && !this.view.command?.(name)) return event.target.blur(), true;
		return Boolean(this.view.command?.(name, event.key));
	}

	go(event) {
		this.isGoing = false;
		event.preventDefault();
		const name = VIEWS[event.key];
		location.hash = name === "rejections" ? "#/rejections" : name === "consignments" ? `#/consignments?site=${this.site}` : `#/${name}/${this.site}`;
	}

	async lookUp(what) {
		moreStyles();
		const lookup = await import("./lookup.js");
		lookup[what](this);
	}

	heard(isHeard) {
		if (isHeard) this.lastHeard = Date.now();
		this.shell?.connection(isHeard, this.lastHeard, () => this.view?.poller?.now() ?? this.refreshSites());
	}

	async sessionEnded() {
		if (this.isAsking) return;
		this.isAsking = true;
		moreStyles();
		const asks = await import("./asks.js");
		asks.askToSignIn(this.session);
	}

	async leave() {
		this.view?.stop?.();
		(await import("./signin.js")).leave(this.session);
	}
}

function placeIn(hash) {
	const [path, text] = hash.replace(/^#\/?/, "").split("?");
	const [name = "", first, second] = path.split("/");
	return { name, first, second, values: new URLSearchParams(text) };
}

/** What acting needs is there before anybody acts, also where the network goes away meanwhile. */
async function fetchAhead() {
	moreStyles();
	await Promise.all([import("./asks.js"), import("./conflict.js")]).catch(() => {});
}

/** The styles of all that is not the queue. */
function moreStyles() {
	if (!document.getElementById("more")) document.head.append(h("link", { id: "more", rel: "stylesheet", href: "page/more.css" }));
}

export async function start(session, place) {
	await new App(session).start(place);
}
