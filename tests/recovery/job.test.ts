import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import { serve } from "../../scripts/serve.ts";
import { stream } from "../conformance/doors/stream.ts";
import { postDuplex } from "../conformance/duplex-post.ts";
import { toHeaders, toUrl } from "../conformance/http-exchange.ts";

const ROWS = 10_000;
const KILLS = 3;

let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-job-"));
}, 60_000);
afterAll(() => rm(stateDirectory, { recursive: true, force: true }));

const start = async () => {
  const served = await serve({
    port: 0,
    stateDirectory,
    environment: { RATE_LIMITS: "off", DEV_AUTH: "true" },
  });
  const response = await fetch(`${served.url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "root", roles: ["admin"] }),
  });
  const { token } = (await response.json()) as { token: string };
  return { served, target: { url: served.url, token } };
};

it("imports every row once when the runtime is killed in the middle of a job, again and again", async () => {
  let { served, target } = await start();
  const upload = await postDuplex(target, "/stream/jobs");
  const started = await upload.lines.next();
  const { jobId } = started.data as { jobId: string };
  const channel = `jobs/${jobId}`;
  upload.end(
    Array.from({ length: ROWS }, (_, n) => `{"name":"p${n}","category":"killed","price":1}\n`).join(""),
  );

  const seen = [started];
  let reader = await stream.read?.(target, channel, String(started.sequence));
  // From here on the job needs nobody.
  while (seen.at(-1)?.type !== "job.uploaded") seen.push((await reader?.next())?.event ?? {});
  for (let kill = 0; kill < KILLS; kill += 1) {
    // Some progress each time: the kill comes while the next batch is on its way.
    for (let step = 0; step < 3 && seen.at(-1)?.type !== "job.completed"; step += 1) {
      seen.push((await reader?.next())?.event ?? {});
    }
    expect(seen.at(-1)?.type, "the job was over before it could be killed").toBe("job.progress");
    await served.kill();
    ({ served, target } = await start());
    reader = await stream.read?.(target, channel, String(seen.at(-1)?.sequence));
  }
  try {
    while (seen.at(-1)?.type !== "job.completed") seen.push((await reader?.next(30_000))?.event ?? {});
    await reader?.cut();
    expect(seen.at(-1)?.data).toEqual({ jobId, processed: ROWS, inserted: ROWS, failed: 0 });
    const created = seen
      .filter(({ type }) => type === "job.progress")
      .flatMap(({ data }) => (data as { created: { row: number }[] }).created);
    expect(created.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, n) => n + 1));
    const list = await fetch(toUrl(target, "/api/v1/products", { category: "killed" }), {
      headers: toHeaders(target),
    });
    expect(await list.json()).toMatchObject({ pagination: { total: ROWS } });
  } finally {
    await served.stop();
  }
}, 120_000);
