import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { Order, OrderStatus } from "../../core/entities/order.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { advanceOrder } from "../../core/operations/advance-order.ts";
import { formatDeadLetterId, parseDeadLetterId } from "../../core/operations/dead-letter-id.ts";
import { orderJobs } from "../../core/order-steps.ts";
import type { UpdateOutcome, UpdateRequest } from "../../core/records.ts";
import { parseDuration, parseInstant } from "../../functions/queue/time.ts";

const order = (status: OrderStatus): Order => ({
  id: "ord_1",
  userId: "ada",
  items: [],
  total: 0,
  status,
  createdAt: "2026-01-01T00:00:00.000Z",
});

describe("a step of an order", () => {
  /** A store with one order, which somebody else changes before each of the first writes. */
  const run = async (status: OrderStatus | undefined, body: unknown, others: readonly OrderStatus[] = []) => {
    const pending = [...others];
    const written: UpdateRequest<"orders">[] = [];
    let stored = status === undefined ? undefined : { version: 1, value: order(status) };
    const records = {
      get: async () => stored,
      update: async (request: UpdateRequest<"orders">): Promise<UpdateOutcome> => {
        const other = pending.shift();
        if (stored !== undefined && other !== undefined) {
          stored = { version: stored.version + 1, value: order(other) };
        }
        if (stored === undefined) return "missing";
        if (request.ifVersion !== stored.version) return "conflict";
        written.push(request);
        stored = { version: stored.version + 1, value: request.value };
        return "done";
      },
    };
    await advanceOrder({ records: records as never, limits: DEFAULT_LIMITS, nowMs: 0 }, body);
    return { written, status: stored?.value.status };
  };
  const to = (status: string) => ({ orderId: "ord_1", to: status });

  it("writes the status, what is told of it, and what comes next, together", async () => {
    const { written } = await run("pending", to("processing"));
    expect(written).toHaveLength(1);
    expect(written[0]?.events.map(({ channel, type }) => [channel, type])).toEqual([
      ["orders/ord_1", "order.status_changed"],
      ["users/ada/inbox", "notification"],
    ]);
    expect(written[0]?.jobs).toMatchObject([
      { name: "advance-order", body: JSON.stringify(to("shipped")), delaySeconds: 1 },
    ]);
    expect((await run("processing", to("shipped"))).written[0]?.jobs).toEqual([]);
  });

  it("is done only from the status before it, and only once", async () => {
    for (const status of ["processing", "shipped", "delivered", "cancelled", undefined] as const) {
      expect((await run(status, to("processing"))).written, status).toEqual([]);
    }
    expect((await run("pending", to("shipped"))).written).toEqual([]);
  });

  it("decides again where somebody else wrote meanwhile", async () => {
    expect(await run("pending", to("processing"), ["pending", "pending"])).toMatchObject({
      status: "processing",
    });
    expect(await run("pending", to("processing"), ["cancelled"])).toMatchObject({
      written: [],
      status: "cancelled",
    });
    await expect(run("pending", to("processing"), Array(20).fill("pending"))).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  it("refuses what is none", async () => {
    for (const body of [null, {}, to("delivered"), { orderId: "", to: "shipped" }]) {
      await expect(run("pending", body)).rejects.toMatchObject({ code: "validation_failed" });
    }
  });

  it("is one job however often its status is sent, and another when the order comes back to it", () => {
    const idOf = (version: number) =>
      orderJobs(DEFAULT_LIMITS, order("pending"), version)[0]?.deduplicationId;
    expect(idOf(1)).toBe(idOf(1));
    expect(idOf(1)).not.toBe(idOf(4));
  });
});

describe("the id of a dead letter", () => {
  it("says again what it was made of", () => {
    const ids = [
      { origin: "queue", deadLetterId: "1725323658779-0" },
      { origin: "outbox", position: 12 },
      {
        origin: "group",
        sequence: "0mi9x2k4qz7f-00000001a3",
        group: "a-b_c",
        channel: "users/a.b@c/in.box" as ChannelName,
      },
    ] as const;
    for (const id of ids) {
      expect(formatDeadLetterId(id)).toMatch(/^[^/?#%]+$/);
      expect(parseDeadLetterId(formatDeadLetterId(id))).toEqual(id);
    }
  });

  it.each([
    "",
    "queue",
    "queue.",
    "outbox.x",
    "outbox.-1",
    "group.1.g",
    "group.1.g.a!!b",
    "group.1..c",
    "other.1",
  ])("%j is none", (text) => expect(parseDeadLetterId(text)).toBeUndefined());
});

describe("times of the queue door", () => {
  it("are seconds, or what QStash writes", () => {
    expect([0, 90, "10s", "2m", "3h", "1d"].map((value) => parseDuration(value, "delay"))).toEqual([
      0, 90, 10, 120, 10_800, 86_400,
    ]);
    expect(parseDuration(undefined, "delay")).toBeUndefined();
    for (const value of [-1, 0.5, "", "1", "1w", "-1s", "1.5s", "400d", {}, [], true, Number.NaN]) {
      expect(() => parseDuration(value, "delay"), String(value)).toThrow("'delay'");
    }
  });

  it("are seconds since 1970, or RFC 3339", () => {
    expect(parseInstant(1_800_000_000, "notBefore")).toBe(1_800_000_000);
    expect(parseInstant("2027-01-15T08:00:00Z", "notBefore")).toBe(1_800_000_000);
    expect(parseInstant("2027-01-15T09:59:59.200+02:00", "notBefore")).toBe(1_800_000_000);
    for (const value of ["", "2027-01-15", "2027-13-01T00:00:00Z", 1_800_000_000_000, -1, 1.5, {}]) {
      expect(() => parseInstant(value, "notBefore"), String(value)).toThrow("'notBefore'");
    }
  });
});
