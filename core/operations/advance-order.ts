import type { Order } from "../entities/order.ts";
import { EverywireError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { isStepDue, orderJobs, parseOrderStep } from "../order-steps.ts";
import type { Records } from "../records.ts";
import { toStatusEvents } from "./record-events.ts";

export interface AdvanceContext {
  readonly records: Pick<Records, "get" | "update">;
  readonly limits: Limits;
  readonly nowMs: number;
}

const MAX_ATTEMPTS = 8;

/**
 * One step of an order's way, `pending -> processing -> shipped` (CONTRACT §5), as the job `advance-order` asks for it.
 * The status, its event, the owner's notification and the job for the next step are one write, which is made only from
 * the status before: so a job that comes twice does nothing, and neither does one for an order that was cancelled or
 * deleted meanwhile.
 *
 * Nobody is asked who they are: the queue's signature is what allows it, and the caller has checked that.
 *
 * @param body the job's JSON, parsed
 * @throws EverywireError `validation_failed` for a body that is no step; `unavailable` where others keep writing
 */
export async function advanceOrder(context: AdvanceContext, body: unknown): Promise<void> {
  const step = parseOrderStep(body);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const stored = await context.records.get("orders", step.orderId);
    if (stored === undefined || !isStepDue(stored.value, step)) return;
    const order: Order = { ...stored.value, status: step.to };
    const outcome = await context.records.update({
      collection: "orders",
      value: order,
      ifVersion: stored.version,
      events: toStatusEvents(context, order),
      jobs: orderJobs(context.limits, order, stored.version + 1),
    });
    if (outcome !== "conflict") return;
  }
  throw new EverywireError("unavailable", "Many are writing this order at once.", { retryAfterMs: 1000 });
}
