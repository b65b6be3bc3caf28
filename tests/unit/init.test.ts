import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SERVER_DOORS } from "../../clients/command/server-doors.ts";
import { doors } from "../../functions/routes.ts";
import { followImports } from "../../scripts/init/follow-imports.ts";
import { chooseTargetDirectory } from "../../scripts/init/target-directory.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "everywire-init-"));
  mkdirSync(join(folder, "empty"));
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full", "mine.txt"), "");
  writeFileSync(join(folder, "file"), "");
  symlinkSync(join(folder, "empty"), join(folder, "link"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("offers the doors that there are", () => {
  expect([...SERVER_DOORS].sort()).toEqual(doors.map(({ name }) => name).sort());
});

it("makes a project in a folder that is not there, or is empty", () => {
  expect(chooseTargetDirectory("empty", folder)).toEqual({ path: join(folder, "empty"), name: "empty" });
  expect(chooseTargetDirectory("apps/my-app", folder).name).toBe("my-app");
  expect(chooseTargetDirectory("../empty", join(folder, "apps")).path).toBe(join(folder, "empty"));
  expect(chooseTargetDirectory(join(folder, "empty"), "/elsewhere").path).toBe(join(folder, "empty"));
});

it.each([
  ["full", "is not empty"],
  ["file", "is no folder"],
  ["link", "is no folder"],
  ["apps/..", "cannot be the name"],
  ["My App", "cannot be the name"],
  ["-rf", "cannot be the name"],
  ["a\u0000b", "cannot be the name"],
  ["", "cannot be the name"],
])("makes none at %j", (path, why) => {
  expect(() => chooseTargetDirectory(path, folder)).toThrow(why);
});

it("follows imports of types too, and names the packages", () => {
  const text =
    'import type { A } from "./a.ts";\nimport { b } from "@scope/b/deep";\nimport "node:fs";\nexport { A };';
  writeFileSync(join(folder, "a.ts"), 'export { c } from "c";\nconst d = () => import("./d.ts");');
  writeFileSync(join(folder, "d.ts"), "");
  expect(followImports(new Map([["main.ts", text]]), folder)).toEqual({
    files: ["a.ts", "d.ts"],
    packages: ["@scope/b", "c"],
  });
  expect(() => followImports(new Map([["main.ts", 'import "./nowhere.ts";']]), folder)).toThrow(
    "./nowhere.ts",
  );
});
