// The page for somebody who is signed in: which view is shown, and what keys do. Each view is an object with `element`,
// `stop()` and perhaps `command(name, text)`; those that are not the queue are loaded when they are first wanted.
//
// Fixed names for tests: data-testid "queue", "bin-<id>", "pane", "true-count", "resolve", "acknowledge", "mine",
// "photo", "reopen", "note", "news", "notice", "keep-theirs", "insist", "again", "offline", "live", "me", "viewer",
// "sign-in", "session-ended", "sign-in-again", "empty", "failed", "toast", "site", "filter".

import { Api, entriesOf, Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { prefer, preferred } from "./drafts.js";
import { command, VIEWS } from "./keys.js";
import { Newest } from "./newest.js";
import { Queue } from "./queue.js";
import { Shell } from "./shell.js";
import { empty, liveRegions } from "./states.js";

const SITES_MS = 60_000;
const NOWHERE = "~";
/* Stands in the address for the bins that are at no site; no site can have this name. */

const WITH_NAME = ["bins", "site", "policy", "trail"];
const WITHOUT_NAME = ["consignments", "rejections"];

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
  }

  async readSites() {
    try {
      return entriesOf((await this.api.get("v1/sites")).body);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return [];
      throw error;
    }
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

  // Views.

  async route() {
    const [path, text] = location.hash.replace(/^#\/?/, "").split("?");
    const [name = "", first, second] = path.split("/").map(decodeURIComponent);
    const values = new URLSearchParams(text);
    if (name === "queue" && this.view instanceof Queue && this.view.site === first) return this.sameQueue(second);
    const make = await this.maker(name, first, second, values);
    if (!make && this.site === null) return fill(this.shell.view, noSite());
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

  async maker(name, first, second, values) {
    if (name === "queue" && first) return () => new Queue(this.withSite(first), first, second);
    const isOfSite = WITH_NAME.includes(name) && name !== "bins" && first;
    if (isOfSite) this.withSite(first);
    if (name === "consignments" && values.get("site")) this.withSite(values.get("site"));
    const module = await this.moduleOf(name, first);
    return module && (() => module(this, first, values));
  }

  async moduleOf(name, first) {
    const isKnown = WITH_NAME.includes(name) ? Boolean(first) : WITHOUT_NAME.includes(name);
    if (!isKnown) return null;
    moreStyles();
    return (await import(`./${name}.js`)).view;
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
    const name = WITH_NAME.includes(this.viewName) && this.viewName !== "bins" ? this.viewName : "queue";
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
    if (location.hash === hash) return;
    if (isStep) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }

  // Keys.

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
    (await import("./lookup.js"))[what](this);
  }

  // Session and connection.

  heard(isHeard) {
    if (isHeard) this.lastHeard = Date.now();
    this.shell?.connection(isHeard, this.lastHeard, () => this.view?.poller?.now() ?? this.refreshSites());
  }

  async sessionEnded() {
    if (this.isAsking) return;
    this.isAsking = true;
    moreStyles();
    (await import("./asks.js")).askToSignIn(this.session);
  }

  async leave() {
    this.view?.stop?.();
    (await import("./signin.js")).leave(this.session);
  }
}

/** The styles of all that is not the queue. */
function moreStyles() {
  if (!document.getElementById("more")) document.head.append(h("link", { id: "more", rel: "stylesheet", href: "page/more.css" }));
}

function noSite() {
  return empty("No site yet", "A site appears here once a consignment names it.", h("a", { href: "#/consignments" }, "Load a consignment"));
}

export async function start(session, place) {
  await new App(session).start(place);
}
