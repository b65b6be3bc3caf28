/**
 * How much a reader was sent and has not confirmed. A WebSocket here has no `bufferedAmount`, so the channel asks: a
 * `ping` every few MiB, and the `pong` says that everything before it was taken. A reader that answers is held to a
 * tight bound; one that never does (a client that does not know the frame) to a loose one. Either way what is held
 * for it is bounded, and the cut tells it to resume.
 */
export interface Flow {
  readonly sentBytes: number;
  readonly confirmedBytes: number;
  /** What had been sent when the ping that is still open went out; undefined where none is. */
  readonly pingedAtBytes: number | undefined;
  /** Counts pings; the open one's ref. */
  readonly pings: number;
  readonly hasAnswered: boolean;
  /** What had been sent when the first pong came: by then the reader was held to the loose bound, and is not cut for that. */
  readonly sentBeforeAnswers: number;
}

export interface FlowLimits {
  readonly MAX_UNCONFIRMED_BYTES: number;
  readonly MAX_SILENT_UNCONFIRMED_BYTES: number;
}

export type FlowAction = "none" | "ping" | "cut";

export const NEW_FLOW: Flow = {
  sentBytes: 0,
  confirmedBytes: 0,
  pingedAtBytes: undefined,
  pings: 0,
  hasAnswered: false,
  sentBeforeAnswers: 0,
};

/** Counts what was sent, and says what to do about it. */
export function onSent(
  flow: Flow,
  bytes: number,
  limits: FlowLimits,
): { readonly flow: Flow; readonly action: FlowAction } {
  const sentBytes = flow.sentBytes + bytes;
  const next = { ...flow, sentBytes };
  const isOverLoose = sentBytes - flow.confirmedBytes > limits.MAX_SILENT_UNCONFIRMED_BYTES;
  const tightFrom = Math.max(flow.confirmedBytes, flow.sentBeforeAnswers);
  const isOverTight = flow.hasAnswered && sentBytes - tightFrom > limits.MAX_UNCONFIRMED_BYTES;
  if (isOverLoose || isOverTight) return { flow: next, action: "cut" };
  if (
    flow.pingedAtBytes === undefined &&
    sentBytes - flow.confirmedBytes > limits.MAX_UNCONFIRMED_BYTES / 2
  ) {
    return { flow: { ...next, pingedAtBytes: sentBytes, pings: flow.pings + 1 }, action: "ping" };
  }
  return { flow: next, action: "none" };
}

/** Takes a `pong`; one that answers no open ping changes nothing. */
export function onPong(flow: Flow, ref: string): Flow {
  if (flow.pingedAtBytes === undefined || ref !== String(flow.pings)) return flow;
  return {
    ...flow,
    confirmedBytes: flow.pingedAtBytes,
    pingedAtBytes: undefined,
    hasAnswered: true,
    sentBeforeAnswers: flow.hasAnswered ? flow.sentBeforeAnswers : flow.sentBytes,
  };
}
