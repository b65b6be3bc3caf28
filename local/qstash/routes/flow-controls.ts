import type { Hono } from "hono";
import { isPeriodOver } from "../flow-control.ts";
import { decodeLimit } from "../header-values.ts";
import { badRequest, notFound } from "../problem.ts";
import { MAX_IN_FLIGHT } from "../settings.ts";
import type { FlowControlState } from "../store/flow-control-store.ts";
import type { Account } from "./account.ts";

/** Flow control: how many messages of a key may be under way, and be started in a period. */
export function addFlowControlRoutes(app: Hono, { store, dispatcher }: Account): void {
  const { flowControls } = store;

  app.get("/v2/globalParallelism", () =>
    Response.json({ parallelismMax: MAX_IN_FLIGHT, parallelismCount: dispatcher.inFlight.size }),
  );

  app.get("/v2/flowControl", () => Response.json(flowControls.list().map(toView)));

  app.get("/v2/flowControl/:key", ({ req }) => {
    const key = req.param("key");
    const state = flowControls.get(key);
    if (state === undefined) throw notFound(`there is no flow control key "${key.slice(0, 100)}"`);
    return Response.json(toView(state));
  });

  change("pause", (state) => ({ ...state, isPaused: true }));
  change("resume", (state) => ({ ...state, isPaused: false }));
  change("resetRate", (state) => ({ ...state, rateCount: 0, periodStartMs: Date.now() }));

  change("pin", (state, query) => {
    const parallelism = decodeLimit("parallelism", query.get("parallelism") ?? undefined);
    const rate = decodeLimit("rate", query.get("rate") ?? undefined);
    const period = decodeLimit("period", query.get("period") ?? undefined);
    if (parallelism === undefined && rate === undefined)
      throw badRequest("a parallelism or a rate is needed to pin");
    return {
      ...state,
      parallelism: parallelism ?? state.parallelism,
      isParallelismPinned: parallelism !== undefined || state.isParallelismPinned,
      rate: rate ?? state.rate,
      periodSeconds: period ?? state.periodSeconds,
      isRatePinned: rate !== undefined || state.isRatePinned,
      rateCount: 0,
      periodStartMs: Date.now(),
    };
  });

  change("unpin", (state, query) => ({
    ...state,
    isParallelismPinned: state.isParallelismPinned && query.get("parallelism") !== "true",
    isRatePinned: state.isRatePinned && query.get("rate") !== "true",
  }));

  /** A key comes to be where it is first named: one can be paused before there is a message. */
  function change(
    verb: string,
    apply: (state: FlowControlState, query: URLSearchParams) => FlowControlState,
  ): void {
    app.post(`/v2/flowControl/:key/${verb}`, ({ req }) => {
      const key = req.param("key");
      flowControls.put(apply(flowControls.get(key) ?? toNew(key), new URL(req.url).searchParams));
      dispatcher.kick();
      return new Response(null);
    });
  }

  function toView(state: FlowControlState) {
    const nowMs = Date.now();
    return {
      flowControlKey: state.key,
      waitListSize: store.messages.countWaiting(state.key, nowMs),
      parallelismMax: state.parallelism ?? 0,
      parallelismCount: dispatcher.inFlight.countForKey(state.key),
      rateMax: state.rate ?? 0,
      rateCount: isPeriodOver(state, nowMs) ? 0 : state.rateCount,
      ratePeriod: state.periodSeconds,
      ratePeriodStart: Math.floor(state.periodStartMs / 1000),
      isPaused: state.isPaused,
      isPinnedParallelism: state.isParallelismPinned,
      isPinnedRate: state.isRatePinned,
    };
  }
}

function toNew(key: string): FlowControlState {
  return {
    key,
    parallelism: undefined,
    rate: undefined,
    periodSeconds: 1,
    isPaused: false,
    isParallelismPinned: false,
    isRatePinned: false,
    periodStartMs: 0,
    rateCount: 0,
  };
}
