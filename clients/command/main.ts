import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GuideError } from "../../guide/guide-error.ts";
import { EverywireError } from "../typescript/error.ts";
import { parseWords } from "./arguments.ts";
import type { CommandSpec } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { ExitCode } from "./exit-code.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { renderHelp, renderOverview } from "./help.ts";
import { Output } from "./output.ts";
import { ROOT } from "./root.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

const words = process.argv.slice(2);
const output = new Output(words.includes("--json"), process.env);
const interrupted = new AbortController();

// Whoever reads has read enough (`| head`): nothing is wrong, and nobody is left to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
});
process.stderr.on("error", () => {});

let signals = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    signals += 1;
    interrupted.abort();
    // Once is asking; who asks again does not want to wait.
    if (signals > 1) process.exit(EXIT.interrupted);
  });
}

const code = await main().catch(report);
await output.flush();
process.exit(code);

async function main(): Promise<ExitCode> {
  const [first, ...rest] = words;
  if (first === "--version" || first === "-V" || first === "version") {
    output.line(readVersion());
    return EXIT.ok;
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    const named = rest[0];
    show(named === undefined ? renderOverview(COMMANDS, output) : renderHelp(find(named), output));
    // Asked for nothing: the overview is no answer, and a script should notice.
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  const spec = find(first);
  const parsed = parseWords(spec, rest);
  if (parsed.has("help")) {
    show(renderHelp(spec, output));
    return EXIT.ok;
  }
  const { run } = await spec.load();
  return run({
    words: parsed,
    environment: process.env,
    output,
    commands: COMMANDS,
    signal: interrupted.signal,
  });
}

function find(name: string): CommandSpec {
  const spec = COMMANDS.find((command) => command.name === name);
  if (spec !== undefined) return spec;
  const names = COMMANDS.map((command) => command.name);
  throw new UsageError(
    `There is no command '${name}'.${didYouMean(name, names)} 'everywire help' lists them.`,
  );
}

function show(lines: readonly string[]): void {
  for (const line of lines) output.line(line);
}

/** Says what went wrong, in one line and without a stack, and gives the exit code. */
function report(error: unknown): ExitCode {
  if (interrupted.signal.aborted) return EXIT.interrupted;
  const isUsage = error instanceof UsageError || error instanceof GuideError;
  const told = isUsage ? undefined : error instanceof EverywireError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (output.isJson) {
    output.json({
      error: {
        code: isUsage ? "usage" : (told?.code ?? "internal"),
        message,
        details: hasContent(told?.details) ? told?.details : undefined,
      },
    });
  } else {
    output.note(`${output.style("red", "everywire:")} ${message}`);
    if (isUsage) {
      const name = COMMANDS.find((command) => command.name === words[0])?.name;
      output.note(`Try 'everywire help${name === undefined ? "" : ` ${name}`}'.`);
    }
    if (hasContent(told?.details)) output.note(JSON.stringify(told?.details));
    if (told?.code === "unauthenticated" || told?.code === "permission_denied") {
      output.note("A token goes in --token or EVERYWIRE_TOKEN: 'everywire help token'.");
    }
    if (process.env.EVERYWIRE_DEBUG && error instanceof Error) output.note(error.stack ?? "");
  }
  if (isUsage) return EXIT.usage;
  return told === undefined ? EXIT.failed : exitCodeOf(told.code);
}

function hasContent(details: unknown): boolean {
  return typeof details === "object" && details !== null && Object.keys(details).length > 0;
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly version: string;
  };
  return version;
}
