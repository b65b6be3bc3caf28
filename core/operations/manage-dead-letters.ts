import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import type { StuckLetter } from "../outbox.ts";
import type { FailedMessage } from "../queue.ts";
import type { GroupDeadLetter, GroupKey } from "../work-queue.ts";
import type { DeadLetterId } from "./dead-letter-id.ts";
import { formatDeadLetterId, parseDeadLetterId } from "./dead-letter-id.ts";
import { assertMayConsume } from "./lease-messages.ts";
import { assertAdmin, assertOwns, isFullAdmin, owns } from "./manage-messages.ts";

/** What could not be delivered, wherever it came to rest. */
export interface DeadLetter {
  readonly id: string;
  /** `queue`: its deliveries failed; `group`: its consumers failed; `outbox`: its channel or the queue refused it. */
  readonly origin: "queue" | "group" | "outbox";
  readonly channel: string | undefined;
  readonly group?: string | undefined;
  readonly job?: string | undefined;
  readonly url?: string | undefined;
  readonly messageId?: string | undefined;
  /** The event's JSON, or the job's body. */
  readonly body: string;
  readonly error: string;
  readonly responseStatus?: number | undefined;
  readonly responseBody?: string | undefined;
  readonly attempts?: number | undefined;
  /** When it was made a dead letter; of the queue, when it was enqueued. */
  readonly timeMs: number;
}

export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[];
  readonly next: string | undefined;
}

const QUEUE_PAGE = 100;
/** Pages of the queue that one request looks through for the caller's own. */
const MAX_QUEUE_PAGES = 5;
const OUTBOX_CURSOR = "o";
const QUEUE_CURSOR = "q";

/**
 * The dead letters of the queue: those whose channel the caller may write; for admins all of them, those of jobs, and first
 * what the store's outbox put aside.
 *
 * A page may have fewer than `limit`, and more may follow: only `next` says where the end is.
 *
 * @throws EverywireError `invalid_argument` for a cursor that is none, `unavailable`
 */
export async function listDeadLetters(
  context: OperationContext,
  request: { readonly cursor: string | undefined; readonly limit: number },
): Promise<DeadLetterPage> {
  const { cursor, limit } = request;
  if (isFullAdmin(context) && (cursor === undefined || cursor.startsWith(OUTBOX_CURSOR))) {
    const after = cursor === undefined ? 0 : toPosition(cursor.slice(OUTBOX_CURSOR.length));
    const stuck = await context.ports.outbox.listStuck(after, limit);
    if (stuck.length > 0) {
      const next = stuck.length < limit ? QUEUE_CURSOR : `${OUTBOX_CURSOR}${stuck.at(-1)?.position ?? after}`;
      return { deadLetters: stuck.map(fromStuck), next };
    }
  }
  if (cursor !== undefined && !/^[oq]/.test(cursor)) throw badCursor();
  const found: DeadLetter[] = [];
  let at =
    cursor?.startsWith(QUEUE_CURSOR) === true ? cursor.slice(QUEUE_CURSOR.length) || undefined : undefined;
  for (let page = 0; page < MAX_QUEUE_PAGES; page += 1) {
    const failed = await context.ports.queue.listFailed({
      cursor: at,
      limit: Math.min(QUEUE_PAGE, limit - found.length),
    });
    for (const message of failed.messages) if (await owns(context, message)) found.push(fromFailed(message));
    at = failed.next;
    if (at === undefined || found.length >= limit) break;
  }
  return { deadLetters: found, next: at === undefined ? undefined : `${QUEUE_CURSOR}${at}` };
}

/** The dead letters of one consumer group, in the channel's order. For who may consume the channel. */
export async function listGroupDeadLetters(
  context: OperationContext,
  key: GroupKey,
  request: { readonly cursor: string | undefined; readonly limit: number },
): Promise<DeadLetterPage> {
  await assertMayConsume(context, key.channel);
  const { cursor = "", limit } = request;
  const dead = await context.ports.workQueues.listDead(key, cursor, limit);
  return {
    deadLetters: dead.map((letter) => fromGroup(key, letter)),
    next: dead.length < limit ? undefined : dead.at(-1)?.sequence,
  };
}

/** @throws EverywireError `not_found`, `unauthenticated`, `permission_denied` */
export async function getDeadLetter(context: OperationContext, id: string): Promise<DeadLetter> {
  const { letter } = await find(context, id);
  return letter;
}

/**
 * Tries again: the queue delivers it anew, the group hands it out anew, the outbox sends it anew. It is a dead letter no
 * more, unless it fails again.
 *
 * @returns the id of the queue's new message, where it is the queue's
 */
export async function retryDeadLetter(
  context: OperationContext,
  id: string,
): Promise<{ readonly messageId: string | undefined }> {
  const { parsed } = await find(context, id);
  const { queue, workQueues, outbox } = context.ports;
  switch (parsed.origin) {
    case "queue": {
      const { messageId } = await queue.retryFailed(parsed.deadLetterId);
      return { messageId };
    }
    case "group":
      if (!(await workQueues.retryDead(parsed, parsed.sequence))) throw missing();
      return { messageId: undefined };
    case "outbox":
      if (!(await outbox.retryStuck(parsed.position))) throw missing();
      return { messageId: undefined };
  }
}

/** Gives a dead letter up. */
export async function deleteDeadLetter(context: OperationContext, id: string): Promise<void> {
  const { parsed } = await find(context, id);
  const { queue, workQueues, outbox } = context.ports;
  const wasThere =
    parsed.origin === "queue"
      ? await queue.deleteFailed(parsed.deadLetterId)
      : parsed.origin === "group"
        ? await workQueues.deleteDead(parsed, parsed.sequence)
        : await outbox.deleteStuck(parsed.position);
  if (!wasThere) throw missing();
}

/** Finds a dead letter that is the caller's. @throws EverywireError */
async function find(
  context: OperationContext,
  id: string,
): Promise<{ readonly parsed: DeadLetterId; readonly letter: DeadLetter }> {
  const parsed = parseDeadLetterId(id);
  switch (parsed?.origin) {
    case "queue": {
      const message = await context.ports.queue.getFailed(parsed.deadLetterId);
      if (message === undefined) throw missing();
      await assertOwns(context, message);
      return { parsed, letter: fromFailed(message) };
    }
    case "group": {
      await assertMayConsume(context, parsed.channel);
      const dead = await context.ports.workQueues.getDead(parsed, parsed.sequence);
      if (dead === undefined) throw missing();
      return { parsed, letter: fromGroup(parsed, dead) };
    }
    case "outbox": {
      assertAdmin(context);
      const stuck = await context.ports.outbox.getStuck(parsed.position);
      if (stuck === undefined) throw missing();
      return { parsed, letter: fromStuck(stuck) };
    }
    case undefined:
      throw missing();
  }
}

function fromFailed(message: FailedMessage): DeadLetter {
  const { responseStatus, responseBody } = message;
  return {
    id: formatDeadLetterId({ origin: "queue", deadLetterId: message.deadLetterId }),
    origin: "queue",
    channel: message.channel,
    job: message.job,
    url: message.url,
    messageId: message.messageId,
    body: message.body,
    error:
      responseStatus === undefined
        ? "The last attempt had no answer."
        : `The last attempt was answered ${responseStatus}.`,
    responseStatus,
    responseBody,
    timeMs: message.createdMs,
  };
}

function fromGroup(key: GroupKey, dead: GroupDeadLetter): DeadLetter {
  const { sequence, json, attempts, reason, failedMs } = dead;
  return {
    id: formatDeadLetterId({ origin: "group", ...pickKey(key), sequence }),
    origin: "group",
    channel: key.channel,
    group: key.group,
    body: json,
    error:
      reason === "nack" ? "Its last consumer gave it back." : "Its last consumer did not settle it in time.",
    attempts,
    timeMs: failedMs,
  };
}

function fromStuck(stuck: StuckLetter): DeadLetter {
  const { position, channel, job, body, error, failedMs } = stuck;
  const id = formatDeadLetterId({ origin: "outbox", position });
  return { id, origin: "outbox", channel, job, body, error, timeMs: failedMs };
}

function pickKey({ channel, group }: GroupKey): GroupKey {
  return { channel, group };
}

function toPosition(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badCursor();
}

function badCursor(): EverywireError {
  return new EverywireError("invalid_argument", "'cursor' is the 'next' of a page before.");
}

function missing(): EverywireError {
  return new EverywireError("not_found", "There is no such dead letter.");
}
