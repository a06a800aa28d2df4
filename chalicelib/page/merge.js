// What a fresh first page of a list says about the entries that are on the screen. Pure.
//
// Whoever works on a list must not have it move under their hands. So entries keep their places, those that are new
// are handed back apart, and one that is missing is only suspected to be gone: it may have moved behind the page.

/**
 * `shown` and `page` are bins in order. `isWhole` says that the page is the whole list, `goesOn` that what is shown ends
 * before the list does: then what the page has behind its last known entry is no news, it comes with the next pages.
 */
export function compared(shown, page, { isWhole, goesOn }) {
  const fresh = new Map(page.map((bin) => [bin.bin_id, bin]));
  const known = new Set(shown.map((bin) => bin.bin_id));
  const reach = isWhole ? shown.length : shown.findLastIndex((bin) => fresh.has(bin.bin_id)) + 1;
  const last = page.findLastIndex((bin) => known.has(bin.bin_id));
  const end = goesOn && last >= 0 ? last + 1 : page.length;
  return {
    bins: shown.map((bin) => fresh.get(bin.bin_id) ?? bin),
    added: page.slice(0, end).filter((bin) => !known.has(bin.bin_id)),
    missing: shown.filter((bin, place) => place < reach && !fresh.has(bin.bin_id)),
  };
}

/** Lays the entries of a further page behind those that are there; one that moved is not shown twice. */
export function appended(shown, page) {
  const known = new Set(shown.map((bin) => bin.bin_id));
  return [...shown, ...page.filter((bin) => !known.has(bin.bin_id))];
}

/** The list with all that is new at its own place: as the page has it, then what the page does not reach. */
export function renewed(shown, page) {
  return appended(page, shown);
}

/** What has changed between two states of a bin that matters to whoever is about to act on it. */
export function differs(before, after) {
  const told = (bin) => [bin.status, bin.expected, bin.predicted, bin.assignee, bin.photos, bin.photo_requested_at, bin.alert?.state];
  const known = told(before).map((value) => value ?? null);
  return told(after).some((value, place) => (value ?? null) !== known[place]);
}
