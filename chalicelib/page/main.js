// The page's beginning: who works here, which view is shown, and what keys do. Each view is an object with `element`,
// `stop()` and perhaps `command(name, text)`; those that are not the queue are loaded when they are first wanted.
//
// Fixed names for tests: data-testid "queue", "bin-<id>", "pane", "true-count", "resolve", "acknowledge", "mine",
// "photo", "reopen", "note", "news", "notice", "keep-theirs", "insist", "again", "offline", "live", "me", "viewer",
// "sign-in", "session-ended", "sign-in-again", "empty", "failed", "toast", "site".

import { Api, entriesOf, Problem, SessionEnded } from "./api.js";
import { fill, h } from "./dom.js";
import { prefer, preferred } from "./drafts.js";
import { command, VIEWS } from "./keys.js";
import { Newest } from "./newest.js";
import { Queue } from "./queue.js";
import { Shell } from "./shell.js";
import { Session } from "./signin.js";
import { dialog, failed, loading } from "./states.js";

const SITES_MS = 60_000;

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

  async start() {
    const [me, sites] = await Promise.all([this.api.get("v1/me"), this.readSites()]);
    this.me = me.body;
    this.sites = sites;
    this.site = preferred("site") ?? sites[0]?.site ?? null;
    this.shell = new Shell(this);
    fill(document.getElementById("app"), this.shell.element);
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
    if (!make) return location.replace(`#/queue/${this.site ?? ""}`);
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
    const isOfSite = ["site", "policy", "trail"].includes(name) && first;
    if (isOfSite) this.withSite(first);
    if (name === "consignments" && values.get("site")) this.withSite(values.get("site"));
    const module = await this.moduleOf(name, first);
    return module && (() => module(this, first, values));
  }

  async moduleOf(name, first) {
    switch (name) {
      case "bins":
        return first ? (await import("./bin.js")).view : null;
      case "consignments":
        return (await import("./consignments.js")).view;
      case "site":
        return first ? (await import("./site.js")).view : null;
      case "policy":
        return first ? (await import("./policy.js")).view : null;
      case "rejections":
        return (await import("./rejections.js")).view;
      case "trail":
        return first ? (await import("./trail.js")).view : null;
      default:
        return null;
    }
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
    const name = ["site", "policy", "trail"].includes(this.viewName) ? this.viewName : "queue";
    location.hash = this.viewName === "consignments" ? `#/consignments?site=${site}` : `#/${name}/${site}`;
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
    this.isGoing = found?.name === "go";
    if (!found || !this.carryOut(found.name, event)) return null;
    return event.preventDefault();
  }

  carryOut(name, event) {
    if (name === "help") return this.shell.help(), true;
    if (name === "find") return this.shell.find(), true;
    if (name === "escape" && event.target.matches?.("input, textarea") && !this.view.command?.(name)) return event.target.blur(), true;
    return Boolean(this.view.command?.(name, event.key));
  }

  go(event) {
    this.isGoing = false;
    event.preventDefault();
    const name = VIEWS[event.key];
    location.hash = name === "rejections" ? "#/rejections" : name === "consignments" ? `#/consignments?site=${this.site}` : `#/${name}/${this.site}`;
  }

  // Session and connection.

  heard(isHeard) {
    if (isHeard) this.lastHeard = Date.now();
    this.shell?.connection(isHeard, this.lastHeard, () => this.view?.poller?.now() ?? this.refreshSites());
  }

  sessionEnded() {
    if (document.querySelector("dialog.session-ended")) return;
    const again = () => this.session.begin(location.hash);
    const button = h("button", { type: "button", class: "primary", "data-testid": "sign-in-again", onclick: again }, "Sign in again");
    const box = dialog("Your session has ended", h("div", null, h("p", null, "Sign in again to go on where you are. What you have typed is kept."), h("div", { class: "row" }, button)), { name: "session-ended", isFirm: true });
    button.focus();
    return box;
  }

  leave() {
    this.view?.stop?.();
    this.session.leave();
  }
}

async function begin() {
  const place = document.getElementById("app");
  fill(place, h("div", { class: "plain" }, loading("Starting", 2)), liveRegions());
  try {
    const session = new Session({ config: await readConfig() });
    const back = await session.finish(location.href);
    if (back !== null) history.replaceState(null, "", location.pathname + back);
    if (session.isOpen) await new App(session).start();
    else welcome(place, session);
  } catch (error) {
    await stumbled(place, error);
  }
}

async function readConfig() {
  const answer = await fetch("page/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`The page's configuration can't be read (${answer.status}).`);
  return answer.json();
}

function welcome(place, session, trouble = null) {
  const button = h("button", { type: "button", class: "primary", "data-testid": "sign-in", onclick: () => session.begin(location.hash) }, "Sign in");
  fill(place, h("main", { class: "plain welcome" }, h("h1", null, "Bincheck"), h("p", null, "Tells from photos whether bins hold what their consignments say."), trouble && h("p", { class: "mistake", role: "alert" }, trouble), button));
  button.focus();
}

async function stumbled(place, error) {
  const session = await sessionOrNull();
  if (error instanceof SessionEnded && session) return welcome(place, session, "Your session has ended.");
  if (error?.name === "Error" && session && !session.isOpen) return welcome(place, session, error.message);
  if (error instanceof Problem && error.status === 403) return fill(place, h("main", { class: "plain" }, h("h1", null, "No role"), h("p", null, "You are signed in, but have neither the role viewer nor operator here. Ask whoever runs Bincheck for one."), session && h("button", { type: "button", onclick: () => session.leave() }, "Sign out")));
  return fill(place, h("main", { class: "plain" }, h("h1", null, "Bincheck"), failed(error, () => location.reload())));
}

async function sessionOrNull() {
  try {
    return new Session({ config: await readConfig() });
  } catch {
    return null;
  }
}

function liveRegions() {
  const region = (id, role) => document.getElementById(id) ?? document.body.appendChild(h("div", { id, class: "hidden", role, "aria-live": role === "alert" ? "assertive" : "polite" }));
  region("polite", "status");
  region("urgent", "alert");
  document.getElementById("toasts") ?? document.body.appendChild(h("div", { id: "toasts" }));
  return null;
}

begin();
