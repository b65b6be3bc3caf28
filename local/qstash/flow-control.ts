import type { FlowControlState } from "./store/flow-control-store.ts";

/** Whether one more message of this key may be started. */
export function isOpen(state: FlowControlState, active: number, nowMs: number): boolean {
  if (state.isPaused) return false;
  if (state.parallelism !== undefined && active >= state.parallelism) return false;
  return state.rate === undefined || isPeriodOver(state, nowMs) || state.rateCount < state.rate;
}

/** The state after one was started. A period begins with the first message after the one before it. */
export function countStart(state: FlowControlState, nowMs: number): FlowControlState {
  return isPeriodOver(state, nowMs)
    ? { ...state, periodStartMs: nowMs, rateCount: 1 }
    : { ...state, rateCount: state.rateCount + 1 };
}

/** When a key whose rate is used up opens again; undefined where no time opens it. */
export function reopensAtMs(state: FlowControlState, nowMs: number): number | undefined {
  const isUsedUp = state.rate !== undefined && state.rateCount >= state.rate && !isPeriodOver(state, nowMs);
  return isUsedUp && !state.isPaused ? toPeriodEndMs(state) : undefined;
}

export function isPeriodOver(state: FlowControlState, nowMs: number): boolean {
  return nowMs >= toPeriodEndMs(state);
}

function toPeriodEndMs(state: FlowControlState): number {
  return state.periodStartMs + state.periodSeconds * 1000;
}
