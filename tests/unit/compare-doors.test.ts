import { describe, expect, it } from "vitest";
import { describeDoors } from "../../bench/compare/doors/describe.ts";
import { DOORS, doorOf } from "../../bench/compare/doors/doors.ts";
import type { DoorFigures, OneDoor, Paced, ReadFigures } from "../../bench/compare/doors/figures.ts";
import { QUICK } from "../../bench/compare/doors/scale.ts";

const MISSING = { missing: "it fell over" };

function paced(p50Ms: number, clientBusy = 0.1): Paced {
  const latencies = { count: 100, p50Ms, p99Ms: p50Ms * 2, p999Ms: undefined, maxMs: p50Ms * 3 };
  return { perSecond: 500, latencies, serverCpuUs: 100, clientCpuUs: 20, clientBusy };
}

/** A door whose every figure is better the smaller `rank` is. */
function measured(name: string, rank: number, changed: Partial<ReadFigures> = {}): OneDoor {
  const read: ReadFigures = {
    opening: { connect: paced(rank).latencies, firstEvent: paced(rank).latencies },
    slow: paced(rank).latencies,
    steady: paced(rank),
    highest: { ...paced(rank), perSecond: 1000 / rank, limit: "arrivals fell behind" },
    fanOuts: QUICK.fanOuts.map((subscribers) => ({
      subscribers,
      deliveriesPerSecond: 10_000 / rank,
      eventsPerSecond: 10,
      serverCpuUs: 5,
      clientCpuUs: 3,
      clientBusy: 0.95,
    })),
    bytes: QUICK.sizes.map((size) => ({ sentBytes: 0, receivedBytes: size + 100 * rank })),
    idle: { subscribers: 10, bytesEach: 1024 * rank },
    catchUp: { elapsedMs: 10 * rank, receivedBytes: 1000 },
    loss: { withoutP50Ms: 1, withP50Ms: 2, withoutP99Ms: 3, withP99Ms: 4, meanLaterMs: rank },
    ...changed,
  };
  return { name, title: doorOf(name).title, read, publish: undefined };
}

const figures = (...doors: readonly OneDoor[]): DoorFigures => ({
  scale: QUICK,
  doors,
  publishOnlyCpuUs: 90,
});

describe("what the report says of our doors", () => {
  it("recommends the door that did a work best, of those that can do it", () => {
    const { choices } = describeDoors(
      figures(measured("tcp", 1), measured("sse", 3), measured("websocket", 2)),
    );
    const row = (work: string) => choices?.rows.find(([name]) => String(name).includes(work));
    expect(row("a page that is told")?.[1]).toBe("**WebSocket**");
    expect(row("a page that is told")?.slice(3, 5)).toEqual(["", "SSE (3 ms)"]);
    expect(row("a service that follows")?.[1]).toBe("**TCP lines**");
  });

  it("calls a tie what one run cannot tell apart", () => {
    const { choices, findings } = describeDoors(
      figures(measured("sse", 1.15), measured("websocket", 1), measured("json-rpc", 1.5)),
    );
    const row = choices?.rows.find(([name]) => String(name).includes("a page that is told"));
    expect(row?.slice(3, 5)).toEqual(["SSE (1.15 ms)", "JSON-RPC (WebSocket) (1.5 ms)"]);
    expect(findings.find((one) => one.startsWith("Least delay"))).toContain("as good, within noise, SSE");
  });

  it("judges a door that polls by nothing that it does not do", () => {
    const { choices, findings } = describeDoors(
      figures(measured("http", 1), measured("sse", 2), measured("websocket", 3)),
    );
    const quiet = choices?.rows.find(([work]) => String(work).includes("quiet most of the time"));
    expect(quiet?.[1]).toBe("**SSE**");
    expect(findings.find((one) => one.startsWith("Least memory"))).toContain("SSE with 2 KiB");
  });

  it("recommends no door for noise", () => {
    const noise = { withoutP50Ms: 2, withP50Ms: 1, withoutP99Ms: 4, withP99Ms: 3, meanLaterMs: -5 };
    const { choices } = describeDoors(figures(measured("sse", 1, { loss: noise }), measured("websocket", 2)));
    expect(choices?.rows.find(([work]) => String(work).includes("loses packets"))?.[1]).toBe("**WebSocket**");
  });

  it("names what is missing, with the reason once for all that it holds for", () => {
    const { missing, findings } = describeDoors(
      figures(measured("sse", 1, { idle: MISSING }), measured("websocket", 2, { idle: MISSING }), {
        ...measured("mqtt", 3),
        read: MISSING,
      }),
    );
    expect(missing).toContain("SSE, WebSocket: idle subscribers: it fell over");
    expect(missing).toContain("MQTT (TCP, QoS 1): reading: it fell over");
    expect(findings.filter((one) => one.startsWith("Least memory"))).toEqual([]);
  });

  it("says where the client's core was full", () => {
    const { parts } = describeDoors(figures(measured("sse", 1), measured("websocket", 2)));
    const fanOut = parts.find(({ title }) => title.startsWith("Deliveries"));
    expect(fanOut?.tables[0]?.rows[0]?.at(-1)).toBe(`client full at ${QUICK.fanOuts.join(", ")}`);
  });

  it("can be written of figures that hold nothing", () => {
    const nothing = DOORS.map(
      ({ name, title }): OneDoor => ({ name, title, read: MISSING, publish: MISSING }),
    );
    const told = describeDoors({ ...figures(...nothing), publishOnlyCpuUs: undefined });
    expect(told.choices?.rows).toEqual([]);
    expect(told.findings.join(" ")).not.toMatch(/\d/);
  });
});
