// What stands around every view: the head with its navigation, and the state of the connection.

import { announce, fill, h, icon, refill } from "./dom.js";
import { moment } from "./format.js";

const NAV = [
	["queue", "Queue", (site) => `#/queue/${site}`],
	["consignments", "Consignments", (site) => `#/consignments?site=${site}`],
	["site", "Site", (site) => `#/site/${site}`],
	["policy", "Policy", (site) => `#/policy/${site}`],
	["rejections", "Rejected", () => "#/rejections", "rejected"],
	["trail", "Trail", (site) => `#/trail/${site}`],
];

export class Shell {
	constructor(app) {
		this.app = app;
		this.banner = h("div", { id: "banner" });
		this.nav = h("nav", { class: "nav", "aria-label": "Views" });
		this.sites = h("select", { id: "site", "aria-label": "Site", test: "site", onchange: () => app.goToSite(this.sites.value) });
		this.link = h("span", { class: "live", test: "live" });
		this.view = h("main", { id: "view", tabindex: -1 });
		this.element = h("div", { class: "shell" }, h("a", { class: "skip", href: "#view", onclick: (event) => (event.preventDefault(), this.view.focus()) }, "Skip to the content"), this.head(), this.banner, this.view);
	}

	head() {
		const { app } = this;
		const button = (name, label, run) => h("button", { class: "quiet", "aria-label": label, title: label, onclick: run }, icon(name));
		return h(
			"header",
			{ class: "top" },
			h("a", { class: "brand", href: "#/" }, "Bincheck"),
			this.sites,
			this.nav,
			h("div", { class: "tools" }, this.link, button("search", "Find a bin", () => app.lookUp("find")), h("button", { class: "quiet help-button", "aria-label": "Help", title: "Keys", onclick: () => app.lookUp("help") }, "?"), this.who(), button("out", "Sign out", () => app.leave())),
		);
	}

	who() {
		const { me } = this.app;
		return h("span", { class: "me", test: "me", title: `${me.name}, ${me.role}` }, h("span", { class: "me-name" }, me.display ?? me.name), h("span", { class: "tag" }, me.role));
	}

	/** Marks where one is, and lets the links lead to the site that is looked at. */
	at(view, site) {
		refill(this.nav, [view, site], () => NAV.map(([name, label, to, picture]) => h("a", { href: to(site ?? ""), "aria-current": name === view ? "page" : null }, icon(picture ?? name), h("span", null, label))));
		const waiting = new Map(this.app.sites.map((one) => [one.site ?? "~", one.bins_waiting]));
		if (site && !waiting.has(site)) waiting.set(site, null);
		const option = ([name, bins]) => h("option", { value: name, selected: name === site }, bins ? `${this.app.siteName(name)} (${bins})` : this.app.siteName(name));
		refill(this.sites, [[...waiting], site], () => [...waiting].map(option));
		if (site) this.sites.value = site;
	}

	/** Says whether the page hears from the service; `since` is when it last did. */
	connection(isHeard, since, retry) {
		this.link.className = `live ${isHeard ? "on" : "off"}`;
		fill(this.link, h("i"), h("span", null, isHeard ? "Live" : "Offline"));
		const wasShown = this.banner.childElementCount > 0;
		if (isHeard) {
			fill(this.banner);
			if (wasShown) announce("Connected again.");
			return;
		}
		if (wasShown) return;
		fill(this.banner, h("div", { class: "offline", role: "status", test: "offline" }, icon("warn"), h("span", null, `No connection since ${moment(since)}. What you see is from then; nothing you do is saved until it is back.`), h("button", { onclick: retry }, "Try again")));
		announce("No connection.", true);
	}
}
