import { parseNumber } from "../arguments.ts";
import type { RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { followMany } from "../many-channels.ts";
import { renderEvent } from "../render-event.ts";
import { toTarget } from "../target.ts";

/** Follows many channels, as they come. */
export const run: RunCommand = async ({ words, environment, output, signal }) => {
  const target = toTarget(words, environment);
  const limit = parseNumber(words, "limit", { min: 1, max: Number.MAX_SAFE_INTEGER });
  const timeoutSeconds = parseNumber(words, "timeout", { min: 0.001, max: 86_400, isWhole: false });
  const timeUp = timeoutSeconds === undefined ? undefined : AbortSignal.timeout(timeoutSeconds * 1000);
  // Ends the connections when it was enough.
  const done = new AbortController();
  const enough = AbortSignal.any([signal, done.signal, ...(timeUp === undefined ? [] : [timeUp])]);
  const isTold = output.hasProgress || words.has("verbose");
  const tell = (text: string) => isTold && output.note(output.style("dim", `# ${text}`));
  const types = words.list("type");
  let taken = 0;
  try {
    const options = {
      patterns: words.positionals,
      after: words.get("after") ?? "latest",
      signal: enough,
      onNote: tell,
    };
    for await (const event of followMany(target, options)) {
      if (types.length > 0 && !types.includes(event.type)) continue;
      if (output.isJson) output.json(event);
      else output.line(renderEvent(event, output, true));
      taken += 1;
      if (taken === limit) break;
    }
  } catch (error) {
    if (!enough.aborted) throw error;
  } finally {
    done.abort();
  }
  if (signal.aborted) return EXIT.interrupted;
  return timeUp?.aborted === true && limit !== undefined ? EXIT.timeout : EXIT.ok;
};
