import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { VERSION } from "../../core/version.ts";
import { ROOT } from "../../scripts/paths.ts";

it("names the version of package.json", () => {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ version: VERSION });
});
