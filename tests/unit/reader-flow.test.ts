import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Flow } from "../../core/reader-flow.ts";
import { NEW_FLOW, onPong, onSent } from "../../core/reader-flow.ts";

const limits = { MAX_UNCONFIRMED_BYTES: 100, MAX_SILENT_UNCONFIRMED_BYTES: 1000 };
const send = (flow: Flow, bytes: number) => onSent(flow, bytes, limits);

describe("what a reader was sent and has not confirmed", () => {
  it("asks once half of the bound is under way, and not again before the answer", () => {
    const first = send(NEW_FLOW, 51);
    expect(first.action).toBe("ping");
    expect(send(first.flow, 10).action).toBe("none");
  });

  it("takes the answer for all that was sent before the question", () => {
    const asked = send(NEW_FLOW, 60).flow;
    const later = send(asked, 30).flow;
    expect(onPong(later, "1")).toMatchObject({
      confirmedBytes: 60,
      hasAnswered: true,
      pingedAtBytes: undefined,
      sentBeforeAnswers: 90,
    });
  });

  it("does not take an answer to another question", () => {
    const asked = send(NEW_FLOW, 60).flow;
    expect(onPong(asked, "7")).toBe(asked);
    expect(onPong(NEW_FLOW, "0")).toBe(NEW_FLOW);
  });

  it("cuts a reader that used to answer at the tight bound, and a silent one at the loose one", () => {
    const answering = onPong(send(NEW_FLOW, 60).flow, "1");
    expect(send(answering, 101).action).toBe("cut");
    const silent = send(NEW_FLOW, 60).flow;
    expect(send(silent, 900).action).toBe("none");
    expect(send(silent, 941).action).toBe("cut");
  });

  it("does not cut a reader at its first answer for what it was sent before that", () => {
    const silent = send(send(NEW_FLOW, 60).flow, 500).flow;
    const answering = onPong(silent, "1");
    const next = send(answering, 50);
    expect(next.action).toBe("ping");
    // What came after the answer is held to the tight bound all the same, and everything to the loose one.
    expect(send(next.flow, 51).action).toBe("cut");
    expect(send(onPong(send(NEW_FLOW, 60).flow, "1"), 1001).action).toBe("cut");
    const confirmed = onPong(next.flow, "2");
    expect(send(confirmed, 101).action).toBe("cut");
  });

  it("never lets more than the loose bound be under way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.nat(300), pong: fc.boolean() }), { maxLength: 200 }),
        (steps) => {
          let flow: Flow = NEW_FLOW;
          for (const { bytes, pong } of steps) {
            const sent = send(flow, bytes);
            if (sent.action === "cut") return;
            flow = pong ? onPong(sent.flow, String(sent.flow.pings)) : sent.flow;
            expect(flow.sentBytes - flow.confirmedBytes).toBeLessThanOrEqual(1000);
          }
        },
      ),
    );
  });
});
