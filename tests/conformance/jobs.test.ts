import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "./door-driver.ts";
import type { Line } from "./doors/stream.ts";
import { readLines, stream } from "./doors/stream.ts";
import { postDuplex } from "./duplex-post.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let admin: Target;
beforeAll(async () => {
  server = await serveTarget({ MAX_JOB_ROWS: "5000" });
  admin = await server.signIn("root", { roles: ["admin"] });
}, 60_000);
afterAll(() => server.stop());

const row = (n: number, category: string) =>
  `${JSON.stringify({ name: `p${n}`, category, price: n / 100, stock: n })}\n`;
const rows = (count: number, category: string) =>
  Array.from({ length: count }, (_, n) => row(n + 1, category)).join("");
const startJob = (target: Target, body: string) =>
  fetch(toUrl(target, "/stream/jobs"), {
    method: "POST",
    headers: toHeaders(target, { "content-type": "application/x-ndjson" }),
    body,
  });
const countOf = async (category: string): Promise<number> => {
  const response = await fetch(toUrl(admin, "/api/v1/products", { category }), { headers: toHeaders(admin) });
  return ((await response.json()) as { pagination: { total: number } }).pagination.total;
};
const dataOf = (event: Line) => event.data as Readonly<Record<string, unknown>>;

describe("POST /stream/jobs", () => {
  it("imports thousands of rows, and tells what became of each as it goes", async () => {
    const bad = ['{"name":"","category":"c","price":1}', "{", '{"name":"x","category":"c","price":-1}'].join(
      "\n",
    );
    const response = await startJob(admin, `${rows(3000, "many")}${bad}\n`);
    expect(response.status).toBe(200);
    const jobId = response.headers.get("everywire-job") ?? "";
    expect(response.headers.get("location")).toBe(`/stream/jobs/${jobId}`);
    if (response.body === null) throw new Error("There is no body.");
    const events = await Array.fromAsync(readLines(response.body));
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(["job.started", "job.progress", "job.uploaded", "job.completed"]),
    );
    expect(events.find(({ type }) => type === "job.uploaded")).toMatchObject({
      data: { rows: 3003, isComplete: true },
    });
    const progress = events.filter(({ type }) => type === "job.progress").map(dataOf);
    expect(progress.length).toBeGreaterThanOrEqual(31);
    const processed = progress.map((data) => data.processed as number);
    expect([...processed].sort((a, b) => a - b)).toEqual(processed);
    const created = progress.flatMap((data) => data.created as { row: number; id: string }[]);
    expect(created.map((each) => each.row)).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1));
    expect(progress.flatMap((data) => data.errors)).toMatchObject([
      { row: 3001, code: "validation_failed", details: { name: expect.any(Array) } },
      { row: 3002, code: "invalid_argument" },
      { row: 3003, code: "validation_failed", details: { price: expect.any(Array) } },
    ]);
    expect(dataOf(events.at(-1) ?? {})).toEqual({ jobId, processed: 3003, inserted: 3000, failed: 3 });
    expect(await countOf("many")).toBe(3000);
    const first = await fetch(toUrl(admin, `/api/v1/products/${created[0]?.id}`), {
      headers: toHeaders(admin),
    });
    expect(await first.json()).toMatchObject({ name: "p1", category: "many", stock: 1 });
  });

  it("goes on when its client leaves, and is followed from the cursor on", async () => {
    const response = await startJob(admin, rows(2000, "left"));
    if (response.body === null) throw new Error("There is no body.");
    const seen: Line[] = [];
    for await (const event of readLines(response.body)) {
      seen.push(event);
      if (seen.length === 3) break;
    }
    const jobId = response.headers.get("everywire-job") ?? "";
    const reader = await stream.read?.(admin, `jobs/${jobId}`, String(seen.at(-1)?.sequence));
    while (seen.at(-1)?.type !== "job.completed") seen.push((await reader?.next())?.event ?? {});
    await reader?.cut();
    expect(dataOf(seen.at(-1) ?? {})).toMatchObject({ processed: 2000, inserted: 2000, failed: 0 });
    const all = seen
      .filter(({ type }) => type === "job.progress")
      .flatMap((event) => dataOf(event).created as Line[]);
    expect(all.map((each) => each.row)).toEqual(Array.from({ length: 2000 }, (_, n) => n + 1));
    expect(await countOf("left")).toBe(2000);
  });

  it("works on rows while more of them are on their way", async () => {
    const upload = await postDuplex(admin, "/stream/jobs");
    expect(await upload.lines.next()).toMatchObject({ type: "job.started" });
    await upload.write(row(1, "slow"));
    expect(await upload.lines.next()).toMatchObject({
      type: "job.progress",
      data: { processed: 1, inserted: 1 },
    });
    await upload.write(row(2, "slow"));
    expect(await upload.lines.next()).toMatchObject({
      type: "job.progress",
      data: { processed: 2, inserted: 2 },
    });
    upload.end();
    expect(await upload.lines.next()).toMatchObject({ type: "job.uploaded", data: { rows: 2 } });
    expect(await upload.lines.next()).toMatchObject({ type: "job.completed", data: { processed: 2 } });
    await expect(upload.lines.next()).rejects.toThrow("The answer ended.");
  });

  it("ends as failed where the upload is cut, and keeps what had come", async () => {
    const upload = await postDuplex(admin, "/stream/jobs");
    const started = await upload.lines.next();
    const { jobId } = dataOf(started);
    const reader = await stream.read?.(admin, `jobs/${String(jobId)}`, String(started.sequence));
    await upload.write(row(1, "cut"));
    expect((await reader?.next())?.event).toMatchObject({ type: "job.progress" });
    upload.request.destroy();
    expect((await reader?.next())?.event).toMatchObject({
      type: "job.uploaded",
      data: { isComplete: false },
    });
    expect((await reader?.next())?.event).toMatchObject({
      type: "job.failed",
      data: { inserted: 1, error: { code: "unavailable" } },
    });
    await reader?.cut();
    expect(await countOf("cut")).toBe(1);
  });

  it("stops at the limit of rows", async () => {
    const response = await startJob(admin, rows(5003, "over"));
    if (response.body === null) throw new Error("There is no body.");
    const events = await Array.fromAsync(readLines(response.body));
    expect(events.at(-1)).toMatchObject({
      type: "job.failed",
      data: { inserted: 5000, error: { code: "payload_too_large" } },
    });
    expect(await countOf("over")).toBe(5000);
  });

  it("is for admins", async () => {
    expect((await startJob(server, rows(1, "no"))).status).toBe(401);
    expect((await startJob(await server.signIn("alice"), rows(1, "no"))).status).toBe(403);
    const narrow = await server.signIn("ann", {
      roles: ["admin"],
      channels: { read: [], write: ["products"] },
    });
    expect((await startJob(narrow, rows(1, "no"))).status).toBe(403);
    expect(await countOf("no")).toBe(0);
  });
});
