// Facts as short texts. Pure: times come in, nothing is read from a clock or the document.

const UNKNOWN = "–";
// Made once: making one takes longer than a hundred uses.
const NUMBERS = [0, 1, 2].map((maximumFractionDigits) => new Intl.NumberFormat("en", { maximumFractionDigits }));
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A share as a percentage of two figures; what is nearly nothing or nearly all says so. */
export function percent(share) {
	if (share === null || share === undefined) return UNKNOWN;
	if (share > 0 && share < 0.001) return "under 0.1 %";
	if (share < 1 && share > 0.995) return "over 99 %";
	return `${number(share * 100, share < 0.1 ? 1 : 0)} %`;
}

/** A number with at most so many decimals, its thousands parted. */
export function number(value, decimals = 0) {
	if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
	return NUMBERS[decimals].format(value);
}

/** How many a minute or an hour: finer below one, so that little is not told as nothing. */
export function rate(value) {
	return number(value, value < 1 ? 2 : 1);
}

/** "1 bin", "2 bins". */
export function many(count, one, several = `${one}s`) {
	return `${number(count)} ${count === 1 ? one : several}`;
}

/** How long ago a time was, in one unit: "just now", "5 min", "3 h", "2 d". */
export function age(since, now) {
	const seconds = Math.max(0, (now - Date.parse(since)) / 1000);
	if (Number.isNaN(seconds)) return UNKNOWN;
	if (seconds < 45) return "just now";
	if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min`;
	if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86400)} d`;
}

/** Like `age`, as it reads in a sentence. */
export function ago(since, now) {
	const text = age(since, now);
	return text === "just now" || text === UNKNOWN ? text : `${text} ago`;
}

/** A time in the reader's own zone; the day only where it is not today. */
export function moment(text, now = Date.now()) {
	const at = new Date(text);
	if (!text || Number.isNaN(at.getTime())) return UNKNOWN;
	const isToday = at.toDateString() === new Date(now).toDateString();
	return isToday ? CLOCK.format(at) : `${DAY.format(at)}, ${CLOCK.format(at)}`;
}

/** What a count is, or a dash. */
export function count(value) {
	return value === null || value === undefined ? UNKNOWN : String(value);
}
