// A dialog over the page.

import { fill, h, icon } from "./dom.js";

/** A dialog over the page; Esc and a click beside it close it, then the focus goes back. */
export function dialog(title, body, { name = "dialog", isFirm = false, closed = () => {} } = {}) {
	const back = document.activeElement;
	const head = h("div", { class: "dialog-head" }, h("h2", { id: `${name}-title` }, title));
	const box = h("dialog", { class: `dialog ${name}`, "aria-labelledby": `${name}-title`, test: name }, head, body);
	if (!isFirm) {
		fill(head, [...head.childNodes], h("button", { class: "quiet", "aria-label": "Close", onclick: () => box.close() }, icon("close")));
		box.addEventListener("click", (event) => event.target === box && box.close());
	} else {
		box.addEventListener("cancel", (event) => event.preventDefault());
	}
	box.addEventListener("close", () => {
		box.remove();
		if (back?.isConnected) back.focus({ preventScroll: true });
		closed();
	});
	document.body.append(box);
	box.showModal();
	return box;
}
