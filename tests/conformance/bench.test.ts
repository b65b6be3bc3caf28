import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Report } from "../../bench/report.ts";
import { buildIfStale } from "../../scripts/build.ts";
import { ROOT } from "../../scripts/paths.ts";

it("npm run bench puts load on every path, on this tree and on the bare workerd", async () => {
  await buildIfStale();
  const { stdout } = await promisify(execFile)(process.execPath, ["bench/run.ts", "--alone", "--quick"], {
    cwd: ROOT,
    timeout: 120_000,
  });
  const path = join(ROOT, stdout.trim().split("\n").at(-1) ?? "");
  const { findings } = JSON.parse(readFileSync(path, "utf8")) as Report;
  rmSync(path);
  const paths = ["read", "publish-1", "publish-16", "publish-32", "fan-out-ws", "fan-out-sse"];
  const rates = findings.filter(({ unit }) => unit === "per second");
  expect(rates.map(({ path: name }) => name)).toEqual([...paths, "connect", "grpc-web", "mqtt"]);
  for (const { ours, bare } of rates) {
    expect(ours).toBeGreaterThan(0);
    expect(bare).toBeGreaterThan(0);
  }
}, 120_000);
