// What stands around every view: the head with its navigation, the state of the connection, help, and finding a bin.

import { entriesOf, query } from "./api.js";
import { announce, fill, h, icon, refill } from "./dom.js";
import { many, moment } from "./format.js";
import { COMMANDS } from "./keys.js";
import { dialog, empty, failed, loading } from "./states.js";
import { brief, stateOf } from "./words.js";

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
    this.sites = h("select", { id: "site", "aria-label": "Site", "data-testid": "site", onchange: () => app.goToSite(this.sites.value) });
    this.link = h("span", { class: "live", "data-testid": "live" });
    this.view = h("main", { id: "view", tabindex: -1 });
    this.element = h("div", { class: "shell" }, h("a", { class: "skip", href: "#view", onclick: (event) => (event.preventDefault(), this.view.focus()) }, "Skip to the content"), this.head(), this.banner, this.view);
  }

  head() {
    const { app } = this;
    const button = (name, label, run) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: run }, icon(name));
    return h(
      "header",
      { class: "top" },
      h("a", { class: "brand", href: "#/" }, "Bincheck"),
      this.sites,
      this.nav,
      h("div", { class: "tools" }, this.link, button("search", "Find a bin", () => this.find()), h("button", { type: "button", class: "quiet help-button", "aria-label": "Help", title: "Keys", onclick: () => this.help() }, "?"), this.who(), button("out", "Sign out", () => app.leave())),
    );
  }

  who() {
    const { me } = this.app;
    return h("span", { class: "me", "data-testid": "me", title: `${me.name}, ${me.role}` }, h("span", { class: "me-name" }, me.display ?? me.name), h("span", { class: "tag" }, me.role));
  }

  /** Marks where one is, and lets the links lead to the site that is looked at. */
  at(view, site) {
    refill(this.nav, [view, site], () => NAV.map(([name, label, to, picture]) => h("a", { href: to(site ?? ""), "aria-current": name === view ? "page" : null }, icon(picture ?? name), h("span", null, label))));
    const names = [...new Set([...(this.app.sites ?? []).map((one) => one.site), site].filter(Boolean))];
    const waiting = Object.fromEntries((this.app.sites ?? []).map((one) => [one.site, one.bins_waiting]));
    refill(this.sites, [names, waiting, site], () => names.map((name) => h("option", { value: name, selected: name === site }, waiting[name] ? `${name} (${waiting[name]})` : name)));
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
    fill(this.banner, h("div", { class: "offline", role: "status", "data-testid": "offline" }, icon("warn"), h("span", null, `No connection since ${moment(since)}. What you see is from then; nothing you do is saved until it is back.`), h("button", { type: "button", onclick: retry }, "Try again")));
    announce("No connection.", true);
  }

  help() {
    const rows = COMMANDS.map((one) => h("tr", null, h("th", { scope: "row" }, one.shown.map((name) => h("kbd", null, name))), h("td", null, one.says, one.acts && !this.app.mayAct && " (operators)")));
    dialog("Keys", h("div", null, h("table", { class: "keys" }, h("tbody", null, rows)), h("p", { class: "hint" }, "While you type in a field, only Esc, Enter and Tab have a meaning of their own.")), { name: "help" });
  }

  find() {
    const found = h("div", { class: "found" });
    const input = h("input", { id: "find", type: "search", autocomplete: "off", spellcheck: "false", maxlength: 64, "data-testid": "find" });
    const form = h("form", { role: "search", onsubmit: (event) => (event.preventDefault(), this.goTo(input.value.trim(), box)) }, h("label", { for: "find" }, "The bin's name, or its beginning"), input, found);
    const box = dialog("Find a bin", form, { name: "finder" });
    let latest = null;
    input.addEventListener("input", () => {
      clearTimeout(latest);
      latest = setTimeout(() => this.lookFor(input.value.trim(), found, box), 200);
    });
    input.focus();
  }

  goTo(name, box) {
    if (!name) return;
    box.close();
    location.hash = `#/bins/${encodeURIComponent(name)}`;
  }

  async lookFor(text, found, box) {
    if (!text) return fill(found);
    fill(found, loading("Looking", 1));
    try {
      const { body } = await this.app.api.get(query("v1/bins", { site: this.app.site, q: text, sort: "name", limit: 12 }));
      const bins = entriesOf(body);
      const line = (bin) => h("li", null, h("a", { href: `#/bins/${bin.bin_id}`, onclick: () => box.close() }, h("b", null, bin.bin_id), h("span", { class: `tag ${bin.status}` }, stateOf(bin)), h("span", { class: "small" }, brief(bin))));
      fill(found, bins.length ? h("ul", null, bins.map(line)) : empty("No bin of this site begins so", "Enter opens the bin of exactly this name."));
      announce(many(bins.length, "bin"));
    } catch (error) {
      fill(found, failed(error));
    }
    return null;
  }
}
