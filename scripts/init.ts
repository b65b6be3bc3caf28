import { relative } from "node:path";
import { buildIfStale } from "./build.ts";
import { parseDoors } from "./door-subset.ts";
import { createProject } from "./init/create-project.ts";
import { chooseTargetDirectory } from "./init/target-directory.ts";
import { exitWith, StartError } from "./start-error.ts";

/** `node scripts/init.ts <folder> <doors>`: makes a project. Prints what it made as JSON. `everywire init` calls it. */
const [folder, list] = process.argv.slice(2);
try {
  if (folder === undefined || list === undefined) throw new StartError("Say where, and which doors.");
  const doors = parseDoors(list);
  if (doors === undefined)
    throw new StartError("Name the doors: a project with all of them is this repository.");
  const from = process.cwd();
  const { path, name } = chooseTargetDirectory(folder, from);
  // The page and GraphiQL are copied as they are built.
  if (doors.includes("page") || doors.includes("graphql")) await buildIfStale();
  const created = await createProject({ directory: path, name, doors });
  console.log(JSON.stringify({ name, path: relative(from, path), ...created }));
} catch (error) {
  exitWith(error);
}
