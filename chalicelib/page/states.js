// What is shown where there is nothing to show: loading, empty, failed. And short messages.

import { Problem, SessionEnded } from "./api.js";
import { announce, fill, h, icon } from "./dom.js";

const TOAST_MS = 9000;

/** Grey bars in the place of what is on its way. */
export function loading(what = "Loading", lines = 3) {
	return h("div", { class: "pending", role: "status" }, h("span", { class: "hidden" }, what), Array.from({ length: lines }, () => h("i")));
}

export function empty(title, text, ...more) {
	return h("div", { class: "empty", test: "empty" }, icon("check"), h("p", { class: "strong" }, title), text && h("p", null, text), more);
}

/** What went wrong, in words, with a way to try again. */
export function failed(error, retry) {
	const [title, text] = said(error);
	return h(
		"div",
		{ class: "failed", role: "alert", test: "failed" },
		icon("warn"),
		h("p", { class: "strong" }, title),
		h("p", null, text),
		retry && h("button", { onclick: retry }, "Try again"),
	);
}

/** An error as a title and a sentence. */
export function said(error) {
	if (error instanceof SessionEnded) return ["Your session has ended", "Sign in again to go on; what you have typed is kept."];
	if (error instanceof Problem) return saidBy(error);
	if (error?.name === "NoAnswer") {
		return navigator.onLine === false
			? ["You are offline", "Nothing was sent. Try again when the network is back."]
			: ["No answer from the service", "It may be busy or out of reach. Trying again is safe: nothing is done twice."];
	}
	return ["Something went wrong on this page", String(error?.message ?? error)];
}

function saidBy(problem) {
	const text = problem.message.charAt(0).toUpperCase() + problem.message.slice(1);
	const titles = { 403: "You may not do this", 404: "Not on file", 409: "This can't be done now", 412: "Somebody was faster", 422: "This is not accepted", 429: "Too many requests" };
	return [titles[problem.status] ?? (problem.status >= 500 ? "The service has a problem" : "The service says no"), text];
}

/** Shows a short message for a while; `action` is a label and what it does. */
export function toast(text, { action, kind = "" } = {}) {
	const shelf = document.getElementById("toasts");
	const close = () => {
		clearTimeout(timer);
		one.remove();
	};
	const one = h(
		"div",
		{ class: `toast ${kind}`, test: "toast" },
		h("span", null, text),
		action && h("button", { onclick: () => (close(), action.run()) }, action.label),
		h("button", { class: "quiet", "aria-label": "Dismiss", onclick: close }, icon("close")),
	);
	const timer = setTimeout(close, TOAST_MS);
	shelf.prepend(one);
	while (shelf.children.length > 2) shelf.lastChild.remove();
	announce(text);
	return close;
}

/** Makes the places that screen readers listen to, and the one for short messages. */
export function liveRegions() {
	const region = (id, role) => document.body.append(h("div", { id, class: "hidden", role }));
	region("polite", "status");
	region("urgent", "alert");
	document.body.append(h("div", { id: "toasts" }));
}
