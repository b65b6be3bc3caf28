import { afterEach, describe, expect, it, vi } from "vitest";
import { EverywireError } from "../../core/error.ts";
import type { UserIdentity } from "../../core/identity.ts";
import type { Edge } from "../../functions/boundary/edge.ts";
import { identify, recognize } from "../../functions/boundary/identity.ts";
import { createTokens } from "../../services/tokens.ts";

const tokens = createTokens({ JWT_SECRET: "a secret that is long enough for HS256", hasDevAuth: true });
const edge = {
  ports: { tokens },
  addressOf: (request: Request) => request.headers.get("cf-connecting-ip") ?? "",
} as unknown as Edge;

async function issue(subject: string): Promise<string> {
  const claims = { subject, name: subject, roles: ["admin"], channels: undefined, ttlSeconds: 600 };
  return (await tokens.issue(claims)).token;
}

const known = await issue("known");
await tokens.verify(known);
const unknown = await issue("unknown");

const ask = (headers: Readonly<Record<string, string>>, query = "") =>
  new Request(`http://localhost/channels/demo${query}`, { headers });

afterEach(() => {
  vi.useRealTimers();
});

describe("who asks, told without waiting", () => {
  const requests: readonly (readonly [string, () => Request, boolean])[] = [
    ["nobody", () => ask({}), true],
    ["nobody, from an address", () => ask({ "cf-connecting-ip": "192.0.2.1" }), true],
    ["a token that was good before", () => ask({ authorization: `Bearer ${known}` }), true],
    ["one in another case, with spaces", () => ask({ authorization: `bEARER   ${known} ` }), true],
    ["a token that was not seen", () => ask({ authorization: `Bearer ${unknown}` }), false],
    ["a token that is none", () => ask({ authorization: "Bearer nonsense" }), false],
    ["another scheme", () => ask({ authorization: `Basic ${known}` }), false],
    ["no token after the scheme", () => ask({ authorization: "Bearer " }), false],
    ["two tokens", () => ask({ authorization: `Bearer ${known} ${known}` }), false],
    ["a token in the query", () => ask({}, `?access_token=${known}`), false],
    ["a bad token in the query", () => ask({}, "?after=earliest&access_token=x"), false],
    ["a header before the query", () => ask({ authorization: `Bearer ${known}` }, "?access_token=x"), true],
    ["a token among subprotocols", () => ask({ "sec-websocket-protocol": `a, bearer.${known}` }), false],
    ["subprotocols without one", () => ask({ "sec-websocket-protocol": "a, b" }), false],
  ];

  it.each(requests)("%s", async (_name, toRequest, isRecognized) => {
    const recognized = recognize(toRequest(), edge);
    expect(recognized !== undefined).toBe(isRecognized);
    if (recognized !== undefined) expect(await identify(toRequest(), edge)).toEqual(recognized);
  });

  it("leaves a token that has expired to be refused", async () => {
    const toRequest = () => ask({ authorization: `Bearer ${known}` });
    const { expiresAtMs = 0 } = recognize(toRequest(), edge) as UserIdentity;
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(expiresAtMs - 1);
    expect(recognize(toRequest(), edge)).toBeDefined();
    vi.setSystemTime(expiresAtMs);
    expect(recognize(toRequest(), edge)).toBeUndefined();
    await expect(identify(toRequest(), edge)).rejects.toThrowError(EverywireError);
  });
});
