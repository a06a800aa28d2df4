import assert from "node:assert/strict";
import { test } from "node:test";

import { Session, SigninFailed } from "./page/session.js";
import { begin, challengeOf, claimsOf, finish, isAnswer, leave, renew } from "./page/signin.js";

const CONFIG = { authorize_url: "https://issuer.example/authorize?a=1", token_url: "https://issuer.example/token", logout_url: "https://issuer.example/logout", client_id: "page", redirect_uri: "https://here.example/api/page", scope: "openid" };

class Store extends Map {
	getItem(name) {
		return this.get(name) ?? null;
	}

	setItem(name, value) {
		this.set(name, value);
	}

	removeItem(name) {
		this.delete(name);
	}
}

const jwt = (claims) => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

function sessionWith(...answers) {
	const asked = [];
	const fetch = async (url, request) => {
		asked.push(Object.fromEntries(request.body));
		const [status, body] = answers.shift();
		return new Response(JSON.stringify(body), { status });
	};
	return { session: new Session({ config: CONFIG, store: new Store(), fetch, clock: () => 0 }), asked, answers };
}

async function begun(session, back = "#/bins/A-17") {
	let url = null;
	await begin(session, back, (to) => (url = new URL(to)));
	return url.searchParams;
}

test("the challenge is that of RFC 7636, appendix B", async () => {
	assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("signing in asks for a code with a challenge, and keeps the query that the issuer's address has", async () => {
	const { session } = sessionWith();
	const asked = await begun(session);
	assert.deepEqual([asked.get("a"), asked.get("response_type"), asked.get("code_challenge_method"), asked.get("redirect_uri")], ["1", "code", "S256", CONFIG.redirect_uri]);
	assert.ok(asked.get("state") && asked.get("nonce") && asked.get("code_challenge").length === 43);
});

test("a code of this tab's own sign-in becomes a session, and leads back to where it began", async () => {
	const { session, asked, answers } = sessionWith();
	const sent = await begun(session);
	answers.push([200, { access_token: "a", refresh_token: "r", expires_in: 60, id_token: jwt({ nonce: sent.get("nonce") }) }]);
	const back = await finish(session, `https://here.example/api/page?code=c&state=${sent.get("state")}`);
	assert.deepEqual([back, session.token(), session.isOpen], ["#/bins/A-17", "a", true]);
	assert.equal(await challengeOf(asked[0].code_verifier), sent.get("code_challenge"));
	session.forget();
});

test("a code that this tab did not ask for is not taken", async () => {
	const { session, asked } = sessionWith();
	await begun(session);
	await assert.rejects(finish(session, "https://here.example/api/page?code=c&state=other"), SigninFailed);
	assert.deepEqual([asked.length, session.isOpen], [0, false]);
});

test("an answer with the nonce of another sign-in is not taken", async () => {
	const { session, answers } = sessionWith();
	const sent = await begun(session);
	answers.push([200, { access_token: "a", id_token: jwt({ nonce: "other" }) }]);
	await assert.rejects(finish(session, `https://here.example/api/page?code=c&state=${sent.get("state")}`), SigninFailed);
	assert.equal(session.isOpen, false);
});

test("the issuer's own words are told where it refuses", async () => {
	const { session } = sessionWith();
	const sent = await begun(session);
	await assert.rejects(finish(session, `https://here.example/api/page?error=access_denied&error_description=Not+you&state=${sent.get("state")}`), /Not you/);
});

test("only an address with a state and a code or an error is an answer", () => {
	const given = ["?code=c&state=s", "?error=e&state=s", "?code=c", "", "?state=s"];
	assert.deepEqual(given.map((query) => isAnswer(`https://here.example/api/page${query}`)), [true, true, false, false, false]);
});

test("a refresh token that is replaced by another one is kept, one that is refused is not tried again", async () => {
	const { session, asked } = sessionWith([200, { access_token: "a2", refresh_token: "r2" }], [400, { error: "invalid_grant" }]);
	session.keep({ access_token: "a1", refresh_token: "r1" });
	assert.deepEqual([await renew(session), session.token()], [true, "a2"]);
	assert.deepEqual([await renew(session), await renew(session), asked.map((one) => one.refresh_token)], [false, false, ["r1", "r2"]]);
});

test("where the issuer is down the refresh token stays", async () => {
	const { session } = sessionWith([503, {}], [200, { access_token: "a2" }]);
	session.keep({ access_token: "a1", refresh_token: "r1" });
	assert.deepEqual([await renew(session), await renew(session), session.token()], [false, true, "a2"]);
});

test("whoever signs out leaves nothing in the tab", async () => {
	const { session } = sessionWith();
	session.keep({ access_token: "a", refresh_token: "r" });
	session.store.setItem("bincheck.draft.resolve.A", "{}");
	let url = null;
	leave(session, (to) => (url = new URL(to)));
	assert.deepEqual([session.isOpen, session.store.size, url.searchParams.get("client_id")], [false, 0, "page"]);
});

test("claims are read as UTF-8, and nonsense has none", () => {
	assert.deepEqual([claimsOf(jwt({ name: "Zoë" })).name, claimsOf("nonsense")], ["Zoë", {}]);
});
