import { describe, expect, it } from "vitest";
import { toQuantiles } from "../../web/race/latencies.ts";
import { Ledger, Publications } from "../../web/race/ledger.ts";

/** Published and acknowledged, one sequence after the other. */
function publish(count: number): Publications {
  const publications = new Publications();
  for (let n = 0; n < count; n += 1) publications.ack(publications.send(n), toSequence(n));
  return publications;
}

const toSequence = (n: number) => `e-${String(n).padStart(6, "0")}`;
const BEFORE_ALL = "e-";

describe("a lane's ledger", () => {
  it("finds nothing wrong where everything came once and in order", () => {
    const ledger = new Ledger(publish(3000), BEFORE_ALL);
    for (let n = 0; n < 3000; n += 1) expect(ledger.take(n, toSequence(n))).toBe(true);
    ledger.check();
    expect(ledger).toMatchObject({ distinct: 3000, lost: 0, repeated: 0, outOfOrder: 0, behind: 0 });
  });

  it("counts as lost what stands before the cursor and did not come, once, and not what is still to come", () => {
    const ledger = new Ledger(publish(10), BEFORE_ALL);
    for (const n of [0, 1, 3]) ledger.take(n, toSequence(n));
    ledger.check();
    ledger.check();
    expect(ledger).toMatchObject({ lost: 1, behind: 6 });
  });

  it("does not take for lost what the log has not answered for", () => {
    const publications = publish(2);
    publications.send(2);
    const ledger = new Ledger(publications, BEFORE_ALL);
    for (const n of [0, 1]) ledger.take(n, toSequence(n));
    ledger.check();
    expect(ledger).toMatchObject({ lost: 0, behind: 0 });
    // Its answer may come after the event itself.
    ledger.take(2, toSequence(2));
    publications.ack(2, toSequence(2));
    ledger.check();
    expect(ledger).toMatchObject({ distinct: 3, lost: 0, behind: 0 });
  });

  it("counts what came twice, and what came behind its successor", () => {
    const ledger = new Ledger(publish(4), BEFORE_ALL);
    for (const n of [0, 2, 1, 2]) ledger.take(n, toSequence(n));
    expect(ledger).toMatchObject({ distinct: 3, repeated: 1, outOfOrder: 1, cursor: toSequence(2) });
  });
});

describe("quantiles", () => {
  it("are those of the nearest rank", () => {
    const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);
    expect(toQuantiles(sorted)).toEqual({ p50: 50, p99: 99, max: 100 });
    expect(toQuantiles(Float64Array.of(7))).toEqual({ p50: 7, p99: 7, max: 7 });
  });
});
