// A site's figures: how many photos come, what they turn out to be, what alerts and reviews are worth, what is stuck.

import { fill, h, refill, s } from "./dom.js";
import { many, moment, number, percent, rate } from "./format.js";
import { duration, hoursTable, stacked } from "./hours.js";
import { Poller } from "./poll.js";
import { failed, loading } from "./states.js";

const RHYTHM = { every: 15_000, most: 120_000 };
const PERIODS = { 24: "24 hours", 72: "3 days", 168: "7 days" };
const VERDICTS = ["match", "review", "mismatch", "unexpected", "rejections"];
const NAMES = { match: "Matches", review: "Reviews", mismatch: "Mismatches", unexpected: "Unexpected", rejections: "Rejected", alerts: "Alerts", p50: "Half are faster", p95: "95 % are faster" };

export function view(app, site) {
	return new SitePage(app, site);
}

class SitePage {
	constructor(app, site) {
		Object.assign(this, { app, site, hours: "24", title: `Site ${site}` });
		this.body = h("div", { class: "sheet-body" }, loading("Loading the figures", 6));
		const period = h("select", { "aria-label": "Period", onchange: () => this.of(period.value) }, Object.entries(PERIODS).map(([value, text]) => h("option", { value, selected: value === this.hours }, text)));
		this.element = h("section", { class: "sheet" }, h("div", { class: "sheet-head" }, h("h1", null, `Site ${app.siteName(site)}`), h("div", { class: "end row" }, period)), this.body);
		this.poller = new Poller({ ...RHYTHM, run: () => this.read(), failed: (error) => this.missed(error) });
		this.poller.start();
	}

	stop() {
		this.isGone = true;
		this.poller.stop();
	}

	of(hours) {
		this.hours = hours;
		this.poller.now();
	}

	async read() {
		const { hours } = this;
		const [figures, feedback] = await Promise.all([this.app.api.get(`v1/sites/${this.site}/statistics?hours=${hours}`), this.app.api.get(`v1/sites/${this.site}/feedback`)]);
		if (this.isGone || hours !== this.hours) return;
		this.known = true;
		refill(this.body, [figures.body, feedback.body], () => this.drawn(figures.body, feedback.body));
	}

	missed(error) {
		if (!this.known && !this.isGone) fill(this.body, failed(error, () => this.poller.now()));
	}

	drawn(figures, feedback) {
		const rows = figures.hours.map((hour) => ({ at: hour.at, ...hour.verdicts, rejections: hour.rejections, alerts: hour.alerts }));
		const times = figures.hours.filter((hour) => hour.latency_ms).map((hour) => ({ at: hour.at, p50: hour.latency_ms.p50, p95: Math.max(0, hour.latency_ms.p95 - hour.latency_ms.p50), whole: hour.latency_ms.p95 }));
		return [
			h("div", { class: "cards", test: "tiles" }, tiles(figures, feedback)),
			chart("Photos and their verdicts by hour", rows, VERDICTS),
			h("div", { class: "two" }, chart("Alerts by hour", rows, ["alerts"]), latency(times)),
			h("div", { class: "two" }, precision(figures), learnt(feedback)),
		];
	}
}

function tiles(figures, feedback) {
	const { open, dead_letters: dead, review_load: load, alert_precision: alerts } = figures;
	const latest = figures.hours.findLast((hour) => hour.latency_ms)?.latency_ms;
	const waiting = Object.values(open).reduce((sum, bins) => sum + bins, 0);
	const stuck = (dead.inbox ?? 0) + (dead.alerts ?? 0);
	return [
		tile("Photos a minute", rate(figures.photos_per_minute), `since ${moment(figures.from)}`),
		tile("Bins that wait", number(waiting), `${number(open.mismatch)} mismatches, ${number(open.review)} reviews, ${number(open.unexpected)} unexpected, ${number(open.rejected)} rejected`),
		tile("Review load", load.hours_to_clear === null ? "–" : `${number(load.hours_to_clear, 1)} h`, `${many(load.waiting, "review")} at ${number(load.per_hour)} an hour`),
		tile("Alert precision", alerts.share ? percent(alerts.share.mean) : "–", alerts.bins ? `${alerts.wrong} of ${many(alerts.bins, "resolved alert")} were right` : "no alert was resolved yet"),
		tile("Latency", latest ? duration(latest.p50) : "–", latest ? `95 % within ${duration(latest.p95)}, in the last hour with photos` : "no photo in this time"),
		tile("Dead letters", number(stuck), stuck ? `${number(dead.inbox)} photos, ${number(dead.alerts)} alerts: see the operations guide` : "everything was worked off", stuck > 0),
		tile("Rate of mismatches", percent(feedback.mismatch_rate.in_force), feedback.mismatch_rate.is_adapted ? `learnt from ${many(feedback.mismatch_rate.rests_on.resolved, "resolved bin")}` : "as the policy sets it"),
	];
}

function tile(name, value, text, isWrong = false) {
	return h("dl", { class: `card tile${isWrong ? " wrong" : ""}` }, h("div", null, h("dt", null, name), h("dd", null, value), h("dd", { class: "about" }, text)));
}

function chart(title, rows, parts) {
	const isEmpty = !rows.some((row) => parts.some((part) => row[part]));
	const content = isEmpty ? h("p", { class: "hint" }, "Nothing in this time.") : [stacked(rows, parts, NAMES, title), ends(rows), parts.length > 1 && legend(parts), hoursTable(rows, parts, NAMES)];
	return h("section", { class: "card" }, h("h2", null, title), content);
}

/** The upper bar is what the 95 % need beyond the half; the table has both as they are. */
function latency(times) {
	const title = "Photo to verdict by hour";
	if (!times.length) return h("section", { class: "card" }, h("h2", null, title), h("p", { class: "hint" }, "Nothing in this time."));
	const seconds = times.map((row) => ({ at: row.at, p50: row.p50 / 1000, p95: row.p95 / 1000 }));
	const whole = times.map((row) => ({ at: row.at, p50: row.p50 / 1000, p95: row.whole / 1000 }));
	const drawing = stacked(seconds, ["p50", "p95"], NAMES, title);
	const slowest = Math.max(...whole.map((row) => row.p95));
	drawing.setAttribute("aria-label", `${title}: in the slowest hour 95 % within ${number(slowest, 1)} seconds.`);
	return h("section", { class: "card" }, h("h2", null, `${title}, seconds`), drawing, ends(times), legend(["p50", "p95"]), hoursTable(whole, ["p50", "p95"], NAMES));
}

function ends(rows) {
	return h("div", { class: "ends hint" }, h("span", null, moment(rows[0].at)), h("span", null, moment(rows.at(-1).at)));
}

function legend(parts) {
	return h("div", { class: "legend" }, parts.map((part) => h("span", null, s("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, s("rect", { class: `part ${part}`, width: 10, height: 10, rx: 2 })), NAMES[part])));
}

function precision(figures) {
	const line = (name, seen) => h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "num" }, number(seen?.bins ?? 0)), h("td", { class: "num" }, number(seen?.wrong ?? 0)), h("td", { class: "num" }, seen?.share ? `${percent(seen.share.mean)} (${percent(seen.share.low)} to ${percent(seen.share.high)})` : "–"));
	const head = ["Of resolved", "Bins", "Wrong", "Share, with 95 %"].map((name, place) => h("th", { scope: "col", class: place ? "num" : null }, name));
	return h("section", { class: "card" }, h("h2", null, "What looking was worth"), h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, line("alerts", figures.alert_precision), line("reviews", figures.review_yield))));
}

function learnt(feedback) {
	const { rests_on: base, estimate, set } = feedback.mismatch_rate;
	const need = `It takes the policy's place from ${number(base.adapt_from)} resolved bins and ${number(base.audits_from)} random checks on; so far ${number(base.resolved)} and ${number(base.audits)}.`;
	const misses = feedback.audit_misses?.bins ? `Of ${many(feedback.audit_misses.bins, "random check")} ${number(feedback.audit_misses.wrong)} found a bin that was wrong all the same.` : "No random check was resolved yet.";
	return h("section", { class: "card" }, h("h2", null, "What the site has learnt"), h("p", null, `Bins are wrong in ${percent(estimate.mean)} (${percent(estimate.low)} to ${percent(estimate.high)}); the policy says ${percent(set)}.`), h("p", { class: "hint" }, need), h("p", { class: "hint" }, misses));
}
