import { describe, expect, it } from "vitest";
import { endpointOfDelivery, isEndpointId, matchesTypes, toDeliveryId } from "../../core/webhooks.ts";
import type { EndpointState } from "../../durable-objects/webhook-state.ts";
import {
  activeSecrets,
  countSettled,
  createState,
  rotateState,
} from "../../durable-objects/webhook-state.ts";

describe("patterns of types", () => {
  it.each([
    ["order.created", [], true],
    ["order.created", ["order.created"], true],
    ["order.created", ["order.*"], true],
    ["order.status.changed", ["order.*"], true],
    ["order", ["order.*"], false],
    ["reorder.created", ["order.*"], false],
    ["order.created", ["*.created"], true],
    ["order.created", ["a", "*"], true],
    ["order.created", ["o*r.*d"], true],
    ["aba", ["ab*ba"], false],
    ["abba", ["ab*ba"], true],
    ["a+b", ["a+b"], true],
    ["aab", ["a+b"], false],
    ["x".repeat(256), [`${"x*".repeat(127)}y`], false],
  ])("%s in %j: %s", (type, patterns, expected) => {
    expect(matchesTypes(type, patterns)).toBe(expected);
  });
});

describe("the id of a delivery", () => {
  const endpoint = "whe_0mi9x2k4q8f3k2m1x0a7b";

  it("is the same for the same event, another for another one, and tells its endpoint", async () => {
    const id = await toDeliveryId(endpoint, "demo/a", "0mi9x2k4qz7f-0000000001");
    expect(await toDeliveryId(endpoint, "demo/a", "0mi9x2k4qz7f-0000000001")).toBe(id);
    expect(await toDeliveryId(endpoint, "demo/b", "0mi9x2k4qz7f-0000000001")).not.toBe(id);
    expect(await toDeliveryId(endpoint, "demo/a", "0mi9x2k4qz7f-0000000002")).not.toBe(id);
    expect(endpointOfDelivery(id)).toBe(endpoint);
    // Standard Webhooks: the id goes into what is signed, between full stops.
    expect(id).not.toContain(".");
  });

  it.each(["", "whd_x", "whe_0mi9x2k4q8f3k2m1x0a7b", "whd_0mi9x2k4q8f3k2m1x0a7b"])("is not %j", (text) => {
    expect(endpointOfDelivery(text)).toBeUndefined();
  });

  it("is not the id of an endpoint", () => {
    expect(isEndpointId(endpoint)).toBe(true);
    expect(isEndpointId(`${endpoint}0`)).toBe(false);
  });
});

describe("the state of an endpoint", () => {
  const DAY_MS = 24 * 3600 * 1000;
  const state = (): EndpointState =>
    createState(
      {
        id: "whe_0mi9x2k4q8f3k2m1x0a7b",
        owner: {
          kind: "user",
          subject: "alice",
          name: "alice",
          roles: [],
          channels: undefined,
          expiresAtMs: undefined,
        },
        url: "https://example.com/",
        channels: [],
        types: [],
        description: "",
        start: "latest",
      },
      0,
    );

  it("has the old secret sign for a day, however often it is replaced", () => {
    const first = state();
    const second = rotateState(first, 1000);
    const third = rotateState(second, 2000);
    const [a] = activeSecrets(first, 0);
    const [c, b] = activeSecrets(third, 2000);
    expect(new Set([a, b, c]).size).toBe(3);
    expect(activeSecrets(third, 1000 + DAY_MS - 1)).toEqual([c, b, a]);
    expect(activeSecrets(third, 1000 + DAY_MS)).toEqual([c, b]);
    expect(activeSecrets(third, 2000 + DAY_MS)).toEqual([c]);
  });

  it("keeps every secret its day, and so makes no more than there is room for", () => {
    let now = state();
    for (let n = 0; n < 5; n += 1) now = rotateState(now, n);
    expect(() => rotateState(now, 10)).toThrowError(expect.objectContaining({ code: "rate_limited" }));
    expect(activeSecrets(rotateState(now, DAY_MS + 10), DAY_MS + 10)).toHaveLength(2);
  });

  it("is disabled by dead letters in a row only", () => {
    const dead = (from: EndpointState) => countSettled(from, { isDeadLetter: true, error: "no" }, 2, 5);
    const good = (from: EndpointState) => countSettled(from, { isDeadLetter: false, error: null }, 2, 5);
    expect(dead(good(dead(state()))).isEnabled).toBe(true);
    expect(dead(dead(state()))).toMatchObject({ isEnabled: false, notice: { atMs: 5 } });
  });
});
