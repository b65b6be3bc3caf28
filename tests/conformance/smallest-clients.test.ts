import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCutTrial } from "../../bench/compare/experience/cut-trial.ts";
import type { ExperienceServer } from "../../bench/compare/experience/server.ts";
import { startExperienceServer } from "../../bench/compare/experience/server.ts";
import { SUBJECTS } from "../../bench/compare/experience/subjects.ts";

let server: ExperienceServer;

beforeAll(async () => {
  server = await startExperienceServer();
}, 60_000);

afterAll(() => server?.stop());

describe.concurrent("the smallest client", { timeout: 60_000 }, () => {
  for (const subject of SUBJECTS) {
    const { name, unordered } = subject;
    const title = `of ${name} prints every event once${unordered === undefined ? ", in order," : ""} though its connection is cut`;
    it(title, async ({ expect: expectHere }) => {
      const { published, printed, complaint } = await runCutTrial(subject, server);
      // Three before the cut, three meanwhile, three after it.
      expectHere(published.length, complaint).toBeGreaterThanOrEqual(9);
      const seen = unordered === undefined ? printed : printed.toSorted();
      expectHere(seen, complaint).toEqual(published);
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
