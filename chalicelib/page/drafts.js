// What somebody has typed and not yet sent. It outlives a reload and a sign-in, and ends with the tab.

const PREFIX = "bincheck.draft.";

export function kept(name, store = sessionStorage) {
	try {
		return JSON.parse(store.getItem(PREFIX + name));
	} catch {
		return null;
	}
}

export function keep(name, value, store = sessionStorage) {
	try {
		store.setItem(PREFIX + name, JSON.stringify(value));
	} catch {
		// A full or forbidden store loses drafts on a reload, nothing else.
	}
}

export function drop(name, store = sessionStorage) {
	store.removeItem(PREFIX + name);
}

/** A setting of this browser, such as the site last looked at. */
export function preferred(name, fallback = null, store = localStorage) {
	return store.getItem(`bincheck.${name}`) ?? fallback;
}

export function prefer(name, value, store = localStorage) {
	try {
		store.setItem(`bincheck.${name}`, value);
	} catch {
		// Forgotten by the next visit.
	}
}
