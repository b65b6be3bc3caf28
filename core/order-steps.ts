import * as z from "zod";
import type { Order, OrderStatus } from "./entities/order.ts";
import { parseInput } from "./entities/parse-input.ts";
import type { Limits } from "./limits.ts";
import type { QueuedJob } from "./queue.ts";

/** A status that the queue moves an order to by itself. */
export type StepStatus = "processing" | "shipped";

/** What follows on a status by itself (CONTRACT §5); the rest waits for somebody, or is the end. */
const NEXT: Partial<Record<OrderStatus, StepStatus>> = { pending: "processing", processing: "shipped" };

export interface OrderStep {
  readonly orderId: string;
  readonly to: StepStatus;
}

const orderStepSchema = z.object({ orderId: z.string().min(1), to: z.enum(["processing", "shipped"]) });

/** Reads the body of a job `advance-order`. @throws EverywireError `validation_failed` */
export function parseOrderStep(value: unknown): OrderStep {
  return parseInput(orderStepSchema, value);
}

/** Whether an order stands where this step begins. Where it does not, somebody was there before. */
export function isStepDue(order: Order, step: OrderStep): boolean {
  return NEXT[order.status] === step.to;
}

/**
 * The jobs that belong to an order's new status: the step that follows it, if any. They are stored together with the
 * status.
 *
 * @param version the order's, with that status: a job sent twice for it is one job, while an order that comes back to
 *   a status has a new one
 */
export function orderJobs(limits: Limits, order: Order, version: number): readonly QueuedJob[] {
  const to = NEXT[order.status];
  if (to === undefined) return [];
  const step: OrderStep = { orderId: order.id, to };
  return [
    {
      name: "advance-order",
      body: JSON.stringify(step),
      delaySeconds: limits.ORDER_STEP_SECONDS,
      deduplicationId: `advance-order ${order.id} ${version}`,
    },
  ];
}
