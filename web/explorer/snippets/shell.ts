import type { Call, HttpCall, SocketCall } from "../call.ts";
import { quoteShell } from "../quote-shell.ts";

/** The call as a command: curl for HTTP, wscat for a WebSocket. */
export function toShell(call: Call, origin: string): string {
  return call.kind === "http" ? toCurl(call, origin) : toWscat(call, origin);
}

function toCurl({ method, path, headers, body, isStream }: HttpCall, origin: string): string {
  const words = ["curl", ...(isStream ? ["-N"] : []), "-sS"];
  // curl posts by itself where it is given a body.
  if (method !== "GET" && !(method === "POST" && body !== undefined)) words.push("-X", method);
  const lines = [`${words.join(" ")} ${quoteShell(`${origin}${path}`)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoteShell(`${name}: ${value}`)}`);
  if (typeof body === "string") lines.push(`--data-binary ${quoteShell(body)}`);
  if (body instanceof Uint8Array) lines.push("--data-binary @-");
  const command = lines.join(" \\\n  ");
  return body instanceof Uint8Array ? `printf ${quoteShell(toOctal(body))} | ${command}` : command;
}

/** Bytes as `printf` of every shell takes them. */
function toOctal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

function toWscat({ path, protocols, steps, until, shell }: SocketCall, origin: string): string {
  if (shell !== undefined) return shell;
  const words = ["npx wscat", "-c", quoteShell(`${origin.replace(/^http/, "ws")}${path}`)];
  for (const protocol of protocols) words.push("-s", protocol);
  for (const { message } of steps) words.push("-x", quoteShell(String(message)));
  // How long it waits for answers; -1 is until it is stopped.
  if (steps.length > 0) words.push("-w", until === undefined ? "-1" : "2");
  return words.join(" ");
}
