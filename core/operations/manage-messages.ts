import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import { isAdmin } from "../identity.ts";
import { denied, isAllowed } from "../policy.ts";
import type { FifoQueue, QueuedMessage } from "../queue.ts";

/**
 * Messages that wait in the queue. They belong to who may write their channel, and all of them to admins, the jobs of the
 * Worker itself included.
 */

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found`, `unavailable` */
export async function getMessage(context: OperationContext, id: string): Promise<QueuedMessage> {
  const message = await context.ports.queue.getMessage(id);
  if (message === undefined) throw missing(id);
  await assertOwns(context, message);
  return message;
}

/** Takes a message back. @throws EverywireError as {@link getMessage} does */
export async function cancelMessage(context: OperationContext, id: string): Promise<void> {
  await getMessage(context, id);
  if (!(await context.ports.queue.cancelMessage(id))) throw missing(id);
}

/** Sets how many messages of a FIFO queue are delivered at once; for admins. */
export async function saveFifo(
  context: OperationContext,
  name: string,
  parallelism: number,
): Promise<FifoQueue> {
  assertAdmin(context);
  await context.ports.queue.saveFifo(name, parallelism);
  return getFifo(context, name);
}

/** @throws EverywireError `not_found` */
export async function getFifo(context: OperationContext, name: string): Promise<FifoQueue> {
  assertAdmin(context);
  const found = await context.ports.queue.getFifo(name);
  if (found === undefined) throw new EverywireError("not_found", `There is no queue '${name.slice(0, 64)}'.`);
  return found;
}

export async function listFifos(context: OperationContext): Promise<readonly FifoQueue[]> {
  assertAdmin(context);
  return context.ports.queue.listFifos();
}

/** Deletes a FIFO queue with all that waits in it; for admins. @throws EverywireError `not_found` */
export async function deleteFifo(context: OperationContext, name: string): Promise<void> {
  await getFifo(context, name);
  await context.ports.queue.deleteFifo(name);
}

/** Whether a message is the caller's to see and to change. */
export async function owns(context: OperationContext, message: QueuedMessage): Promise<boolean> {
  if (message.channel !== undefined) {
    return isAllowed(context.policy, context.identity, "write", message.channel);
  }
  return isFullAdmin(context);
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export async function assertOwns(context: OperationContext, message: QueuedMessage): Promise<void> {
  if (!(await owns(context, message))) throw denied(context.identity, "This message is not yours.");
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export function assertAdmin(context: OperationContext): void {
  if (!isFullAdmin(context)) throw denied(context.identity, "This is for admins.");
}

/** An admin's token that lists channels is for those, and not for what belongs to none. */
export function isFullAdmin({ identity }: OperationContext): boolean {
  return identity.kind === "user" && isAdmin(identity) && identity.channels === undefined;
}

function missing(id: string): EverywireError {
  return new EverywireError("not_found", `There is no message '${id.slice(0, 128)}' that waits.`);
}
