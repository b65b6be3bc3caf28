import type { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import { parseObject, toTold } from "./json-line.ts";

/** What a line of the TCP door means (functions/tcp); the same over a WebSocket. */
export type LineMeaning =
  | { readonly kind: "event"; readonly event: CloudEvent }
  | { readonly kind: "answer"; readonly op: string; readonly line: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "error";
      readonly error: EverywireError;
      readonly line: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "ping"; readonly pong: string }
  | { readonly kind: "nothing" };

/** Reads a line. @throws EverywireError where it is none of ours */
export function readLine(text: string): LineMeaning {
  if (text.trim() === "") return { kind: "nothing" };
  const line = parseObject(text);
  const { op } = line;
  if (op === undefined) return { kind: "event", event: line as unknown as CloudEvent };
  if (op === "heartbeat") return { kind: "nothing" };
  if (op === "ping") return { kind: "ping", pong: JSON.stringify({ op: "pong", ref: line.ref }) };
  if (op === "error") return { kind: "error", error: toTold(line), line };
  return { kind: "answer", op: String(op), line };
}
