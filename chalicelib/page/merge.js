// What a fresh first page of a list says about the entries that are on the screen. Pure.
//
// A list must not move under people's hands: entries keep their places, what is new is handed back apart, and what is
// missing is only suspected to be gone, since it may have moved behind the page.

/**
 * Bins in order; `isWhole`: the page is the whole list; `goesOn`: what is shown ends before the list does, so that what
 * the page has behind its last known entry is no news.
 */
export function compared(shown, page, { isWhole, goesOn }) {
	const fresh = new Map(page.map((bin) => [bin.bin_id, bin]));
	const known = new Set(shown.map((bin) => bin.bin_id));
	const reach = isWhole ? shown.length : shown.findLastIndex((bin) => fresh.has(bin.bin_id)) + 1;
	const last = page.findLastIndex((bin) => known.has(bin.bin_id));
	const end = goesOn && last >= 0 ? last + 1 : page.length;
	return {
		bins: shown.map((bin) => newer(bin, fresh.get(bin.bin_id))),
		added: page.slice(0, end).filter((bin) => !known.has(bin.bin_id)),
		missing: shown.filter((bin, place) => place < reach && !fresh.has(bin.bin_id)),
	};
}

/** Lists lag behind: of two states of a bin the one of the higher version is true. */
function newer(bin, other) {
	return other && (other.version ?? 0) >= (bin.version ?? 0) ? other : bin;
}

/** Lays the entries of a further page behind those that are there; one that moved is not shown twice. */
export function appended(shown, page) {
	const known = new Set(shown.map((bin) => bin.bin_id));
	return [...shown, ...page.filter((bin) => !known.has(bin.bin_id))];
}

/** The list with all that is new at its own place: as the page has it, then what the page does not reach. */
export function renewed(shown, page) {
	const known = new Map(shown.map((bin) => [bin.bin_id, bin]));
	return appended(page.map((bin) => newer(bin, known.get(bin.bin_id))), shown);
}

/** What has changed between two states of a bin that matters to whoever is about to act on it. */
export function differs(before, after) {
	const told = (bin) => [bin.status, bin.expected, bin.predicted, bin.assignee, bin.photos, bin.photo_requested_at, bin.alert?.state];
	const known = told(before).map((value) => value ?? null);
	return told(after).some((value, place) => (value ?? null) !== known[place]);
}
