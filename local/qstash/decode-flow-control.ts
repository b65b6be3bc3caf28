import { parseDuration } from "./duration.ts";
import { decodeLimit, splitList } from "./header-values.ts";
import type { FlowControl } from "./message.ts";
import { badRequest } from "./problem.ts";

/**
 * Reads `Upstash-Flow-Control-Key` and `-Value`.
 *
 * @returns undefined where neither is there
 * @throws QstashProblem 400 for one without the other, or for a value that limits nothing
 */
export function decodeFlowControl(headers: Headers): FlowControl | undefined {
  const key = headers.get("upstash-flow-control-key");
  const value = headers.get("upstash-flow-control-value");
  if (key === null && value === null) return undefined;
  if (!key || !value)
    throw badRequest("Upstash-Flow-Control-Key and Upstash-Flow-Control-Value need each other");
  const parts = new Map(
    splitList(value).map((part) => {
      const [name = "", text = "", ...more] = part.split("=").map((piece) => piece.trim());
      if (more.length > 0) throw badRequest(`Upstash-Flow-Control-Value has "${part.slice(0, 40)}"`);
      return [name.toLowerCase(), text] as const;
    }),
  );
  for (const name of parts.keys()) {
    if (!["parallelism", "rate", "period"].includes(name)) {
      throw badRequest(
        `Upstash-Flow-Control-Value knows parallelism, rate and period, and has "${name.slice(0, 40)}"`,
      );
    }
  }
  const parallelism = decodeLimit("parallelism", parts.get("parallelism"));
  const rate = decodeLimit("rate", parts.get("rate"));
  if (parallelism === undefined && rate === undefined) {
    throw badRequest("Upstash-Flow-Control-Value needs a parallelism or a rate");
  }
  return { key, parallelism, rate, periodSeconds: decodePeriod(parts.get("period")) };
}

function decodePeriod(text: string | undefined): number {
  if (text === undefined) return 1;
  const seconds = /^\d+$/.test(text) ? Number(text) : parseDuration("period", text) / 1000;
  if (seconds < 1 || seconds > 7 * 86_400) throw badRequest("the period of a flow control is 1s to 7d");
  return seconds;
}
