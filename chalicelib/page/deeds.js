// What people did, in words. Pure.

const ACTIONS = {
	acknowledgement: "acknowledged the alert",
	assignment: "changed the assignment",
	photo_request: "asked for a new photo",
	resolution: "resolved the bin",
	reopening: "reopened the bin",
	policy_change: "changed the policy",
	consignment_load: "loaded the consignment",
	consignment_closing: "closed the consignment",
	consignment_reopening: "reopened the consignment",
};

/** What somebody did, as it reads after their name. */
export function action(record) {
	const name = record.action ?? "";
	const known = ACTIONS[name] ?? ACTIONS[name.replaceAll("-", "_")];
	if (name === "assignment" && record.after && "assignee" in record.after) {
		if (record.after.assignee === null) return "gave the bin back";
		return record.after.assignee === record.by ? "took the bin on" : `assigned the bin to ${record.after.assignee}`;
	}
	return known ?? name.replaceAll(/[_-]/g, " ");
}
