import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CutOutcome } from "../../bench/compare/experience/cut-trial.ts";
import { runCutTrial } from "../../bench/compare/experience/cut-trial.ts";
import type { ExperienceServer } from "../../bench/compare/experience/server.ts";
import { startExperienceServer } from "../../bench/compare/experience/server.ts";
import type { Subject } from "../../bench/compare/experience/subjects.ts";
import { SUBJECTS } from "../../bench/compare/experience/subjects.ts";

let server: ExperienceServer;
const trials = new Map<Subject, Promise<CutOutcome>>();

beforeAll(async () => {
  server = await startExperienceServer();
  // All at once: each is a client that mostly waits.
  for (const subject of SUBJECTS) {
    if (subject.file === "webtransport" && server.webTransport === undefined && !process.env.CI) continue;
    const trial = runCutTrial(subject, server);
    trial.catch(() => undefined);
    trials.set(subject, trial);
  }
}, 60_000);

afterAll(() => server?.stop());

describe("the smallest client", { timeout: 90_000 }, () => {
  for (const subject of SUBJECTS) {
    const { name, unordered } = subject;
    const title = `of ${name} prints every event once${unordered === undefined ? ", in order," : ""} though its connection is cut`;
    it(title, async ({ skip }) => {
      if (!trials.has(subject)) skip("the gateway has no HTTP/3 here");
      const { published, printed, complaint } = (await trials.get(subject)) ?? expect.unreachable();
      // Three before the cut, three meanwhile, three after it.
      expect(published.length, complaint).toBeGreaterThanOrEqual(9);
      const seen = unordered === undefined ? printed : printed.toSorted();
      expect(seen, complaint).toEqual(published);
    });
  }
});

it("there is one for every file in examples/clients", async () => {
  const { readdirSync } = await import("node:fs");
  const { join } = await import("node:path");
  const shared = ["client.ts", "run.ts", "resume.ts", "channel-service.ts"];
  const files = readdirSync(join(import.meta.dirname, "..", "..", "examples", "clients"));
  const clients = files.filter((file) => file.endsWith(".ts") && !shared.includes(file));
  expect(clients.toSorted()).toEqual([...new Set(SUBJECTS.map(({ file }) => `${file}.ts`))].toSorted());
});
