import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { DuplexPost } from "../conformance/duplex-post.ts";
import { postDuplex } from "../conformance/duplex-post.ts";

/** `NDJSON_UPLOAD_MB=200` sends what issue 3 asks for; the default shows the same in a tenth of the time. */
const UPLOAD_MB = Number(process.env.NDJSON_UPLOAD_MB ?? 24);
const MIB = 1024 * 1024;
/** What the runtime may grow by, however long the upload is: its heap before a collection, and SQLite's cache. */
const MAX_GROWTH_BYTES = 160 * MIB;

let served: Served;
let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-upload-"));
  const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**", RETENTION_MAX_EVENTS: "1000" };
  served = await serve({ port: 0, stateDirectory, environment });
}, 60_000);
afterAll(async () => {
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

/** The memory of the runtime that is resident, in bytes (Linux). */
async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${served.runtime.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Counts answers, and how large the runtime ever was meanwhile. */
async function drain(
  upload: DuplexPost,
  until: (count: number) => boolean,
): Promise<{ count: number; peak: number }> {
  let count = 0;
  let peak = 0;
  while (!until(count)) {
    const line = await upload.lines.next(60_000);
    if (line.error !== undefined) throw new Error(JSON.stringify(line));
    count += 1;
    if (count % 1000 === 0) peak = Math.max(peak, await residentBytes());
  }
  return { count, peak };
}

describe("a long upload of NDJSON", () => {
  it(`of ${UPLOAD_MB} MB is taken in constant memory, every line acknowledged`, async () => {
    const line = `${JSON.stringify({ type: "t", data: "x".repeat(1000) })}\n`;
    const block = line.repeat(100);
    const blocks = Math.ceil((UPLOAD_MB * 1_000_000) / block.length);
    const upload = await postDuplex({ url: served.url }, "/stream/demo/upload");
    // The first blocks bring the runtime to its working size.
    for (let n = 0; n < 10; n += 1) await upload.write(block);
    await drain(upload, (count) => count === 1000);
    const before = await residentBytes();
    const draining = drain(upload, (count) => count === blocks * 100);
    for (let n = 0; n < blocks; n += 1) await upload.write(block);
    upload.end();
    const { count, peak } = await draining;
    expect(count).toBe(blocks * 100);
    console.info(
      `ndjson upload: ${UPLOAD_MB} MB, the runtime grew by ${Math.round((peak - before) / MIB)} MiB`,
    );
    expect(peak - before).toBeLessThan(MAX_GROWTH_BYTES);
  }, 600_000);

  it("as one line that never ends is skipped and not kept", async () => {
    const upload = await postDuplex({ url: served.url }, "/stream/demo/endless");
    const before = await residentBytes();
    await upload.write('{"type":"t","data":"');
    const block = "x".repeat(MIB);
    let peak = 0;
    for (let n = 0; n < UPLOAD_MB; n += 1) {
      await upload.write(block);
      peak = Math.max(peak, await residentBytes());
    }
    await upload.write('"}\n{"type":"t"}\n');
    expect(await upload.lines.next(60_000)).toMatchObject({ line: 1, error: { code: "payload_too_large" } });
    expect(await upload.lines.next()).toMatchObject({ line: 2, duplicate: false });
    upload.end();
    expect(peak - before).toBeLessThan(MAX_GROWTH_BYTES);
  }, 600_000);

  it("is slowed where its sender reads no answers, and goes on when it does", async () => {
    const upload = await postDuplex({ url: served.url }, "/stream/demo/unread");
    upload.response.pause();
    // The answers to long ids fill the buffers with a fraction of the lines.
    const tail = "x".repeat(200);
    const toLines = (from: number) =>
      Array.from({ length: 1000 }, (_, index) => `{"type":"t","id":"${from + index}${tail}"}\n`).join("");
    let written = 0;
    let isHeld = false;
    // Far more than every buffer between the two ends: were it all taken, nothing would hold the sender back.
    while (!isHeld && written < 2_000_000) {
      const sent = upload.write(toLines(written)).then(() => false);
      const waited = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 3000).unref());
      isHeld = await Promise.race([sent, waited]);
      written += 1000;
    }
    expect(isHeld).toBe(true);
    upload.response.resume();
    const { count } = await drain(upload, (answered) => answered === written);
    expect(count).toBe(written);
    upload.end();
  }, 600_000);
});
