import { describe, expect, it } from "vitest";
import { doors } from "../../functions/routes.ts";
import { AMQP, GRPC, UDP, WEBTRANSPORT } from "../../gateway/doors.ts";
import type { Choice } from "../../guide/choose.ts";
import { choose, parseAnswers } from "../../guide/choose.ts";
import { FIGURES } from "../../guide/figures.ts";
import { parseGuideFilter, toGuide } from "../../guide/guide.ts";
import { GuideError } from "../../guide/guide-error.ts";
import { GRADES, PROTOCOL_IDS, USE_IDS, VIAS } from "../../guide/protocol.ts";
import { PROTOCOLS } from "../../guide/protocols.ts";
import { QUESTIONS } from "../../guide/questions.ts";

const known = [...doors, GRPC, UDP, WEBTRANSPORT, AMQP];

describe("the guide's protocols", () => {
  it("are all there, once", () => {
    expect(PROTOCOLS.map(({ id }) => id)).toEqual(PROTOCOL_IDS);
  });

  it.each(PROTOCOLS)("promise of $id what /capabilities promises of its door", ({ door, guarantees }) => {
    if (door === undefined) return expect(guarantees).toBeUndefined();
    const { limits: _, ...promised } = known.find(({ name }) => name === door)?.guarantees ?? {
      limits: true,
    };
    expect(guarantees).toEqual(promised);
  });

  it.each(PROTOCOLS)("leave nothing of $id unsaid", (protocol) => {
    const { advantages, limits, chooseWhen, avoidWhen, tooling, specifications, fits } = protocol;
    const lists = [advantages, limits, chooseWhen, avoidWhen, tooling, specifications];
    for (const said of lists) expect(said.length).toBeGreaterThan(0);
    expect(Object.keys(fits).sort()).toEqual([...USE_IDS].sort());
    for (const { reason } of Object.values(fits)) expect(reason).toMatch(/^[A-Z].{10,}\.$/);
  });

  it.each(PROTOCOLS)("draw the flow of $id between participants that are there", ({ flow }) => {
    const ids = flow.participants.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { from, to } of flow.steps) expect(ids).toEqual(expect.arrayContaining([from, to]));
    // Nobody is in the picture for nothing.
    for (const id of ids) expect(flow.steps.some(({ from, to }) => from === id || to === id)).toBe(true);
  });

  it("claim each way to read for one protocol", () => {
    expect(PROTOCOLS.flatMap(({ vias }) => vias).sort()).toEqual([...VIAS].sort());
  });

  it.each(USE_IDS)("have a best and a poor one for %s", (use) => {
    const grades = new Set(PROTOCOLS.map(({ fits }) => fits[use].grade));
    expect(grades).toContain("best");
    expect(grades).toContain("poor");
  });
});

describe("the guide as a document", () => {
  it("has only one column for a use, and the best first", () => {
    const { protocols, uses } = toGuide(parseGuideFilter({ use: "iot" }));
    expect(uses.map(({ id }) => id)).toEqual(["iot"]);
    expect(protocols[0]?.id).toBe("mqtt");
    const ranks = protocols.map(({ fits }) => GRADES.indexOf((fits as { iot: { grade: "best" } }).iot.grade));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    for (const { fits } of protocols) expect(Object.keys(fits)).toEqual(["iot"]);
  });

  it("refuses what it does not know, and says what there is", () => {
    expect(() => parseGuideFilter({ use: "cooking" })).toThrow(/crud, chat/);
    expect(() => parseGuideFilter({ protocol: "smtp" })).toThrow(GuideError);
  });

  it("has figures that a measurement can have given, or none", () => {
    for (const { p50Ms, p99Ms, connectMs, bytesPerEvent } of Object.values(FIGURES?.vias ?? {})) {
      expect(p50Ms).toBeGreaterThan(0);
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
      expect(connectMs).toBeGreaterThan(0);
      expect(bytesPerEvent).toBeGreaterThan(FIGURES?.dataBytes ?? 0);
    }
  });
});

describe("choosing", () => {
  it.each([
    [{ use: "chat", client: "browser", direction: "both" }, "websocket"],
    [{ use: "live-updates", client: "browser", direction: "listen" }, "sse"],
    [{ use: "live-updates", client: "browser", direction: "listen", network: "strict" }, "long-poll"],
    [{ use: "microservices", client: "server", contract: "typed", network: "own" }, "grpc"],
    [{ use: "iot", client: "device" }, "mqtt"],
    [{ use: "games", client: "browser", loss: "newest" }, "webtransport"],
    [{ use: "public-api", client: "partner", direction: "ask" }, "rest"],
    [{ use: "public-api", client: "partner", direction: "listen", loss: "nothing" }, "sse"],
    [{ use: "background-jobs", client: "server", loss: "nothing" }, "queue"],
    [{ use: "crud", client: "browser", direction: "ask" }, "rest"],
    [{ use: "mobile", client: "mobile", contract: "fields", direction: "ask" }, "graphql"],
  ])("gives for %o what an engineer would: %s", (answers, expected) => {
    const { choice, runnerUp } = choose(answers);
    expect(choice.protocol).toBe(expected);
    expect(choice.reasons.length).toBeGreaterThan(0);
    expect(runnerUp.score).toBeLessThanOrEqual(choice.score);
  });

  it("never gives a browser what a browser cannot speak", () => {
    const { ranking, ruledOut } = choose({ client: "browser" });
    const out = ruledOut.map(({ protocol }) => protocol);
    expect(out).toEqual(expect.arrayContaining(["grpc", "tcp", "udp"]));
    expect(ranking.some(({ protocol }) => out.includes(protocol))).toBe(false);
  });

  it("leaves something to choose for all answers together, and the best first", () => {
    const withNone = (ids: readonly string[]) => [undefined, ...ids];
    let all: Record<string, string | undefined>[] = [{}];
    for (const { id, options } of QUESTIONS) {
      all = all.flatMap((given) => withNone(options.map((o) => o.id)).map((o) => ({ ...given, [id]: o })));
    }
    const chosen = new Set<string>();
    for (const answers of all) {
      const { ranking, choice }: Choice = choose(parseAnswers(answers));
      chosen.add(choice.protocol);
      if (ranking.some(({ score }) => score > choice.score)) expect.fail(JSON.stringify(answers));
    }
    // A protocol that no answers lead to would be in the guide for nothing.
    expect(PROTOCOL_IDS.filter((id) => !chosen.has(id))).toEqual([]);
  });

  it("refuses a question and an answer that do not exist", () => {
    expect(() => parseAnswers({ colour: "red" })).toThrow(/no question 'colour'/);
    expect(() => parseAnswers({ use: "cooking" })).toThrow(/there are crud/);
  });
});
