// Several lists of what happened, woven into one. Pure.

/** Lays the lists of a timeline together, newest first, and ends where one that goes on has not been read further. */
export function woven(lists) {
	const limit = Math.max(-Infinity, ...lists.filter((list) => list.cursor).map((list) => oldest(list.entries)));
	const all = lists.flatMap((list) => list.entries).filter((entry) => Date.parse(entry.at) >= limit);
	return all.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function oldest(entries) {
	return entries.length ? Date.parse(entries.at(-1).at) : Infinity;
}
