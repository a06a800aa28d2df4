// Which key does what. Pure: an event's facts in, the name of a command out.

export const COMMANDS = [
  { keys: ["j", "ArrowDown"], name: "next", shown: ["j", "↓"], says: "next bin" },
  { keys: ["k", "ArrowUp"], name: "previous", shown: ["k", "↑"], says: "previous bin" },
  { keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], name: "digit", shown: ["0", "…", "9"], says: "say what it holds", acts: true },
  { keys: ["Enter"], name: "enter", shown: ["Enter"], says: "resolve with that count; without one, open the bin's page" },
  { keys: ["r"], name: "resolve", shown: ["r"], says: "go to the count", acts: true },
  { keys: ["a"], name: "acknowledge", shown: ["a"], says: "acknowledge: on my way", acts: true },
  { keys: ["m"], name: "mine", shown: ["m"], says: "assign to me, or give back", acts: true },
  { keys: ["p"], name: "photo", shown: ["p"], says: "ask for a new photo", acts: true },
  { keys: ["u"], name: "undo", shown: ["u"], says: "take the last resolution back", acts: true },
  { keys: ["n"], name: "new", shown: ["n"], says: "show bins that are new" },
  { keys: ["z"], name: "zoom", shown: ["z"], says: "picture large" },
  { keys: ["/"], name: "find", shown: ["/"], says: "find a bin" },
  { keys: ["g"], name: "go", shown: ["g"], says: "then q, c, s, p, x or t: go to a view" },
  { keys: ["Escape"], name: "escape", shown: ["Esc"], says: "close, or clear what was typed" },
  { keys: ["?"], name: "help", shown: ["?"], says: "this help" },
];

export const VIEWS = { q: "queue", c: "consignments", s: "site", p: "policy", x: "rejections", t: "trail" };

/** The command of a key, or null: while one types, or with Ctrl, Alt or Meta, keys mean what they always mean. */
export function command({ key, ctrlKey = false, altKey = false, metaKey = false, isTyping = false, isOnControl = false }) {
  if (ctrlKey || altKey || metaKey) return null;
  const found = COMMANDS.find((one) => one.keys.includes(key));
  if (!found) return null;
  if (isTyping) return key === "Escape" ? found : null;
  // A button that has the focus is pressed by Enter, and a list of choices moves by arrows.
  const isTheirs = key === "Enter" || key.startsWith("Arrow");
  return isOnControl && isTheirs ? null : found;
}
