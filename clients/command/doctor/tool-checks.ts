import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Check } from "./check.ts";

interface Tool {
  readonly name: string;
  /** The names that it goes by. */
  readonly commands: readonly string[];
  readonly use: string;
  readonly remedy: string;
}

/** What the examples use. */
const TOOLS: readonly Tool[] = [
  {
    name: "curl",
    commands: ["curl"],
    use: "most examples",
    remedy: "apt-get install curl (brew install curl)",
  },
  {
    name: "nc",
    commands: ["nc", "ncat"],
    use: "the TCP and UDP doors",
    remedy: "apt-get install netcat-openbsd",
  },
  {
    name: "mosquitto_sub",
    commands: ["mosquitto_sub"],
    use: "the MQTT door",
    remedy: "apt-get install mosquitto-clients (brew install mosquitto)",
  },
  {
    name: "chromium",
    commands: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    use: "WebTransport in the browser's tests",
    remedy: "apt-get install chromium",
  },
];

/** Which of the tools of the examples are installed; and whether this Node is new enough. */
export function checkTools(environment: NodeJS.ProcessEnv): readonly Check[] {
  const node: Check = { group: "tools", name: "node", status: "ok", detail: `runs on ${process.version}` };
  return [node, ...TOOLS.map((tool) => checkTool(tool, environment.PATH ?? ""))];
}

function checkTool({ name, commands, use, remedy }: Tool, path: string): Check {
  const found = path
    .split(delimiter)
    .some((directory) => commands.some((command) => isExecutable(join(directory, command))));
  if (found) return { group: "tools", name, status: "ok", detail: `for ${use}` };
  return { group: "tools", name, status: "off", detail: `not installed; for ${use}`, remedy };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
