// Building and changing the document. Text goes in as text, never as HTML; no element has a style of its own in markup:
// the page's security policy allows neither.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "selected", "open"]);

/** Makes an element: attributes (`on...` are listeners, `test` is the name by which tests find it), then children. */
export function h(tag, props, ...children) {
	return filled(document.createElement(tag), props, children);
}

/** Makes an SVG element. */
export function s(tag, props, ...children) {
	return filled(document.createElementNS(SVG, tag), props, children);
}

/** Gives an element new children; what is null or false is left out. */
export function fill(element, ...children) {
	element.replaceChildren(...kept(children));
	return element;
}

/** Like `fill`, but only where `fact` differs from the last time, and the focus stays on its `data-key`. */
export function refill(element, fact, make) {
	const text = JSON.stringify(fact);
	if (element.lastFact === text) return;
	element.lastFact = text;
	const focused = element.contains(document.activeElement) ? document.activeElement.dataset?.key : null;
	fill(element, make());
	if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** A symbol; it says nothing to a screen reader. */
export function icon(name) {
	return s(
		"svg",
		{ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
		ICONS[name].map((d) => s("path", { d })),
	);
}

/** A key's name, as the help and the buttons show it. */
export function key(name) {
	return h("kbd", { "aria-hidden": "true" }, name);
}

/** Tells a screen reader what has happened, politely; `urgent` interrupts. */
export function announce(text, urgent = false) {
	const region = document.getElementById(urgent ? "urgent" : "polite");
	if (!region) return;
	// Said anew even where the text is the same: a region that does not change is not read.
	region.textContent = "";
	setTimeout(() => (region.textContent = text), 60);
}

function filled(element, props, children) {
	// A button within a form must not send it unless it says so.
	if (element.localName === "button") element.type = "button";
	for (const [name, value] of Object.entries(props ?? {})) put(element, name, value);
	element.append(...kept(children));
	return element;
}

function put(element, name, value) {
	if (value === null || value === undefined) return;
	if (name === "test") element.dataset.testid = value;
	else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
	else if (PROPERTIES.has(name)) element[name] = value;
	else if (value !== false) element.setAttribute(name, value === true ? "" : value);
}

function kept(children) {
	return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

const ICONS = {
	queue: ["M4 6h16", "M4 12h16", "M4 18h10"],
	consignments: ["M4 8l8-4 8 4v8l-8 4-8-4z", "M4 8l8 4 8-4", "M12 12v8"],
	site: ["M5 20V11", "M12 20V4", "M19 20v-6"],
	policy: ["M4 7h10", "M18 7h2", "M4 17h2", "M10 17h10", "M16 5v4", "M8 15v4"],
	rejected: ["M4 6h16v12H4z", "M9 10l6 5", "M15 10l-6 5"],
	trail: ["M12 7v5l3 2", "M12 4a8 8 0 1 1-8 8"],
	back: ["M14 6l-6 6 6 6"],
	close: ["M6 6l12 12", "M18 6L6 18"],
	check: ["M5 12.500l4.500 4.500L19 7.500"],
	camera: ["M4 8h3.500l1.500-2h6l1.500 2H20v11H4z", "M12 10.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6"],
	person: ["M12 4.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7", "M5 20c.6-3.600 3.300-5.500 7-5.500s6.400 1.900 7 5.500"],
	warn: ["M12 4l9 16H3z", "M12 10v4.500", "M12 17.200v.1"],
	search: ["M10.500 5a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11", "M15 15l5 5"],
	out: ["M14 5H6v14h8", "M11 12h9", "M17 9l3 3-3 3"],
	wipe: ["M9 6h11v12H9l-5-6z", "M12 10l4 4", "M16 10l-4 4"],
};
