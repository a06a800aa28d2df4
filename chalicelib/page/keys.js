// Which key does what. Pure: an event's facts in, the name of a command out.

const COMMANDS = {
	next: ["j", "ArrowDown"],
	previous: ["k", "ArrowUp"],
	digit: [..."0123456789"],
	enter: ["Enter"],
	resolve: ["r"],
	acknowledge: ["a"],
	mine: ["m"],
	photo: ["p"],
	undo: ["u"],
	new: ["n"],
	zoom: ["z"],
	find: ["/"],
	go: ["g"],
	escape: ["Escape"],
	help: ["?"],
};

export const VIEWS = { q: "queue", c: "consignments", s: "site", p: "policy", x: "rejections", t: "trail" };

/** The command of a key, or null: while one types, or with Ctrl, Alt or Meta, keys mean what they always mean. */
export function command({ key, ctrlKey = false, altKey = false, metaKey = false, isTyping = false, isOnControl = false }) {
	if (ctrlKey || altKey || metaKey) return null;
	const name = Object.keys(COMMANDS).find((one) => COMMANDS[one].includes(key)) ?? null;
	if (isTyping) return key === "Escape" ? name : null;
	// A button that has the focus is pressed by Enter, and a list of choices moves by arrows.
	const isTheirs = key === "Enter" || key.startsWith("Arrow");
	return isOnControl && isTheirs ? null : name;
}
