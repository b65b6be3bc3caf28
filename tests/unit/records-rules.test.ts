import { describe, expect, it } from "vitest";
import { joinName, splitName } from "../../core/entities/user.ts";
import { mergePatch } from "../../core/merge-patch.ts";
import { retryDelayMs, takeBatch } from "../../core/outbox-rules.ts";
import { MIGRATIONS, pendingMigrations } from "../../durable-objects/records-migrations.ts";
import { nextAlarmMs } from "../../durable-objects/records-outbox.ts";
import { toListStatements } from "../../durable-objects/records-query.ts";
import { toPrecondition } from "../../functions/rest/etag.ts";
import { encodeXml } from "../../functions/rest/xml.ts";

describe("merge patch", () => {
  // The cases of RFC 7396, appendix A.
  it.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j patched with %j is %j", (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });
});

describe("names", () => {
  it.each(["Ada Lovelace", "Plato", "Mary Jane Watson"])("%s is joined as it was split", (name) => {
    expect(joinName(splitName(name))).toBe(name);
  });
});

describe("If-Match", () => {
  const holds = (header: string, version: number) => toPrecondition("p-1", header, undefined)?.(version);
  it.each([
    ['"p-1-3-v1-json"', 3, true],
    ['"p-1-3-v2-xml"', 3, true],
    ['"p-1-2-v1-json", "p-1-3-v1-json"', 3, true],
    ['W/"p-1-3-v1-json"', 3, false],
    ['"p-1-4-v1-json"', 3, false],
    ['"p-2-3-v1-json"', 3, false],
    ["nonsense", 3, false],
    ["*", 3, true],
  ])("%s at version %i: %s", (header, version, expected) => {
    expect(holds(header, version)).toBe(expected);
  });
});

describe("the outbox's decisions", () => {
  it("a batch has at least one event, and no more than it may weigh", () => {
    const rows = [300_000, 100_000, 100_000, 100_000].map((length) => ({ json: "x".repeat(length) }));
    expect(takeBatch(rows)).toHaveLength(1);
    expect(takeBatch(rows.slice(1))).toHaveLength(2);
    expect(takeBatch([])).toHaveLength(0);
  });

  it("waits longer each time, a minute at most, and not at all for nothing", () => {
    expect([0, 1, 2, 3, 50].map(retryDelayMs)).toEqual([1000, 2000, 4000, 8000, 60_000]);
    const idle = { nowMs: 5, leastAttempts: undefined, nextJobMs: undefined, keyExpiryMs: undefined };
    expect(nextAlarmMs(idle)).toBeUndefined();
    expect(nextAlarmMs({ ...idle, leastAttempts: 0, keyExpiryMs: 9e9 })).toBe(1005);
    expect(nextAlarmMs({ ...idle, keyExpiryMs: 6 })).toBe(60_005);
    expect(nextAlarmMs({ ...idle, nextJobMs: 0 })).toBe(1005);
    expect(nextAlarmMs({ ...idle, nextJobMs: 8000, leastAttempts: 9 })).toBe(8000);
  });
});

describe("migrations", () => {
  it("are numbered from 1 without a gap, and a newer store is refused", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(pendingMigrations(1, MIGRATIONS)[0]?.version).toBe(2);
    expect(() => pendingMigrations(99, MIGRATIONS)).toThrow("do not go back");
  });
});

describe("queries", () => {
  it("never hold a client's text", () => {
    const evil = "x'; DROP TABLE users; --";
    const { rows } = toListStatements("users", {
      filters: [{ field: "name", comparison: "equals", value: evil }],
      sort: [],
      window: { kind: "page", page: 2, perPage: 10 },
    });
    expect(rows.sql).not.toContain("DROP");
    expect(rows.bindings).toEqual([evil, 10, 10]);
    const sort = [{ field: "name') --", isDescending: false }];
    const query = { filters: [], sort, window: { kind: "page", page: 1, perPage: 1 } } as const;
    expect(() => toListStatements("users", query)).toThrow();
  });
});

describe("XML", () => {
  it("names the items of a list by its singular", () => {
    const value = { data: [{ tags: ["a", "b"], none: null }], ok: true };
    expect(encodeXml("list", value, "user")).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<list><data><user><tags><tag>a</tag><tag>b</tag></tags><none/></user></data><ok>true</ok></list>',
    );
  });
});
