import { spawn } from "node:child_process";
import { publishEvent } from "./channel.ts";
import type { ExperienceServer } from "./server.ts";
import type { Subject } from "./subjects.ts";

/** Whether curl shows an event; plain JSON. */
export interface CurlOutcome {
  readonly isShown: boolean;
  /** The command, with the ports that a server usually has. */
  readonly command: string;
  /** What curl said where it did not. */
  readonly complaint?: string;
}

const SECONDS = 4;

/**
 * Runs a subject's curl command beside a channel that has an event and gets another one, and looks for either in what it
 * prints. Undefined where there is no command; a complaint where there is no curl.
 */
export async function runCurlTrial(
  subject: Subject,
  server: ExperienceServer,
): Promise<CurlOutcome | undefined> {
  if (subject.curl === undefined) return undefined;
  const channel = `demo/curl-${crypto.randomUUID()}`;
  const mark = crypto.randomUUID();
  await publishEvent(server, channel, mark);
  const { options, input } = subject.curl(server, channel);
  const child = spawn("curl", ["--silent", "--show-error", "--max-time", String(SECONDS), ...options], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  let complaint = "";
  const over = Promise.withResolvers<void>();
  child.on("error", (error) => {
    complaint = error.message;
    over.resolve();
  });
  child.on("close", () => over.resolve());
  child.stdout.on("data", (text: Buffer) => {
    output += text;
    if (output.includes(mark)) over.resolve();
  });
  child.stderr.on("data", (text: Buffer) => {
    complaint += text;
  });
  // Kept open: what reads it takes its end for the end of the work.
  child.stdin.on("error", () => undefined);
  if (input !== undefined) child.stdin.write(`${input}\n`);
  // A wire without a cursor in its address shows only what comes while it listens.
  const again = setInterval(() => void publishEvent(server, channel, mark).catch(() => undefined), 1000);
  await over.promise;
  clearInterval(again);
  child.kill("SIGKILL");
  const isShown = output.includes(mark);
  const usual = subject.curl(USUAL, "demo/hello");
  const command = `${usual.input === undefined ? "" : `echo '${usual.input}' | `}curl ${usual.options.map(quote).join(" ")}`;
  return { isShown, command, ...(isShown ? {} : { complaint: complaint.trim().split("\n")[0] ?? "" }) };
}

const USUAL = {
  url: "http://127.0.0.1:8787",
  tcpPort: 7101,
  mqttPort: 7183,
  grpcPort: 50_051,
  udpPort: 7102,
};

function quote(option: string): string {
  return /^[\w:/.@=-]+$/.test(option) ? option : `'${option}'`;
}
