// Photos that could not be judged, also those whose name is no bin's.

import { query } from "./api.js";
import { h, icon } from "./dom.js";
import { moment, number } from "./format.js";
import { Paged, table } from "./lists.js";
import { empty } from "./states.js";
import { rejection } from "./words.js";

export function view(app) {
	const list = new Paged(app.api, {
		path: (cursor) => query("v1/rejections", { limit: 50, cursor }),
		draw: (entries) => table("Rejected photos", ["Bin", "Photo", "When", "Why", "File", "#Bytes"], entries.map(row)),
		none: () => empty("No photo was rejected", "Every photo so far could be judged."),
		noun: "photo",
	});
	list.more();
	const text = "Files that could not be judged. Nothing is tried again by itself: mend the cause and drop the photo once more.";
	return { title: "Rejected photos", element: h("section", { class: "sheet" }, h("div", { class: "sheet-head" }, h("h1", null, "Rejected photos")), h("p", { class: "hint" }, text), h("div", { class: "card" }, list.element)) };
}

function row(entry) {
	const bin = entry.bin_id ? h("a", { href: `#/bins/${entry.bin_id}` }, entry.bin_id) : "names none";
	return [bin, thumb(entry), h("time", { datetime: entry.at }, moment(entry.at)), [h("div", null, upper(rejection(entry.reason))), h("div", { class: "hint" }, entry.message)], h("code", null, entry.image.key), number(entry.image.size)];
}

/** A file that was rejected may be no picture at all: then there is none. */
function thumb(entry) {
	const place = h("span", { class: "thumb" }, icon("rejected"));
	if (!entry.picture_url || entry.reason === "not_an_image" || entry.reason === "empty") return place;
	const picture = h("img", { src: entry.picture_url, alt: "", loading: "lazy", decoding: "async" });
	picture.addEventListener("load", () => place.replaceChildren(picture));
	picture.addEventListener("error", () => picture.remove());
	place.append(picture);
	return place;
}

function upper(text) {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
