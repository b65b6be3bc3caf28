import type { ExplorerDoor, Inputs, OperationName } from "../call.ts";
import { quoteShell } from "../quote-shell.ts";

/** The call as the `everywire` command; undefined where that has no word for it. */
export function toCommand(
  door: ExplorerDoor,
  operation: OperationName,
  inputs: Inputs,
  origin: string,
): string | undefined {
  const { channel, type, data, after, token } = inputs;
  const where = [
    ...(origin === "http://127.0.0.1:8787" ? [] : ["--url", origin]),
    ...(token === undefined ? [] : ["--token", token]),
  ];
  const via = door.via === undefined ? [] : ["--via", door.via];
  if (operation === "publish") {
    // Publishing is one request, whichever door it is compared with here.
    return ["npx", "everywire", "pub", channel, data, "--type", type, ...where].map(quoteShell).join(" ");
  }
  if (operation === "presence" || door.via === undefined) return undefined;
  return ["npx", "everywire", "sub", channel, ...via, "--after", after, ...where].map(quoteShell).join(" ");
}
