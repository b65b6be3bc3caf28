import { parseNumber } from "../arguments.ts";
import type { RunCommand } from "../command.ts";
import { cursorBehind, follow } from "../doors/door.ts";
import { doorOf } from "../doors.ts";
import { EXIT } from "../exit-code.ts";
import { findPorts } from "../find-ports.ts";
import { renderEvent } from "../render-event.ts";
import { toTarget } from "../target.ts";

/** Reads one channel over one wire, until it was enough. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const given = toTarget(words, environment);
  const channel = words.positionals[0] ?? "";
  const limit = parseNumber(words, "limit", { min: 1, max: Number.MAX_SAFE_INTEGER });
  const timeoutSeconds = parseNumber(words, "timeout", { min: 0.001, max: 86_400, isWhole: false });
  const door = doorOf(words.get("via") ?? "auto");
  const target = door.port === undefined ? given : await findPorts(given, signal);
  const isTold = output.hasProgress || words.has("verbose");
  const tell = (text: string) => isTold && output.note(output.style("dim", `# ${text}`));

  const timeUp = timeoutSeconds === undefined ? undefined : AbortSignal.timeout(timeoutSeconds * 1000);
  const enough = timeUp === undefined ? signal : AbortSignal.any([signal, timeUp]);
  const read = await door.load();
  let taken = 0;
  let cursor: string | undefined;
  const events = follow(read, target, {
    channel,
    after: words.get("after") ?? "latest",
    signal: enough,
    onLive: () => tell(`live on ${channel} over ${door.name}`),
    onNote: tell,
    onLost: (error, delayMs) => tell(`${error.message} Again in ${(delayMs / 1000).toFixed(1)} s.`),
  });
  for await (const event of events) {
    if (output.isJson) output.json(event);
    else output.line(renderEvent(event, output));
    cursor = cursorBehind(event) ?? cursor;
    taken += 1;
    if (taken === limit) break;
  }
  if (cursor !== undefined) tell(`go on with --after ${cursor}`);
  if (signal.aborted) return EXIT.interrupted;
  // Without a number to reach, the time is all that was asked for.
  return timeUp?.aborted === true && limit !== undefined ? EXIT.timeout : EXIT.ok;
};
