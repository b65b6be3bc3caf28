import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { VERSION } from "../../core/version.ts";

it("names the version of package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as object;
  expect(manifest).toMatchObject({ version: VERSION });
});
