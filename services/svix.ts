import type { MessageIn } from "svix";
import { ApiException, Svix } from "svix";
import { EverywireError } from "../core/error.ts";
import type { AttemptOutcome } from "../core/webhook-retry.ts";
import type { WebhookRequest, WebhookSender } from "../core/webhook-sender.ts";
import type { Webhooks } from "../core/webhooks.ts";

export interface SvixSettings {
  readonly token: string;
  /** Where Svix is; its own service where this is left out. */
  readonly serverUrl?: string | undefined;
  readonly timeoutMs: number;
}

const CONFLICT = 409;
const TOO_MANY = 429;
/** What Svix takes for the name of an event type. */
const EVENT_TYPE = /^[a-zA-Z0-9\-_.]{1,256}$/;
/** Ours to put right, and no fault of the event: it waits. */
const OUR_FAULTS: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * `SVIX_TOKEN` is set: Svix signs, sends and retries. Each endpoint is an application of its own there, with one
 * endpoint in it, both under our id. We go on following the channels, for what Svix does not know: patterns, cursors,
 * who may read what; what is wanted is handed over, once, under its `webhook-id` as `eventId`.
 */
export function createSvix(settings: SvixSettings): Svix {
  const { serverUrl, timeoutMs } = settings;
  return new Svix(settings.token, {
    // An empty one is none; where it is not set, `workerd serve` gives null.
    ...(serverUrl ? { serverUrl } : {}),
    requestTimeout: timeoutMs,
    // We try again ourselves, and remember it.
    retryScheduleInMs: [],
  });
}

/** Hands webhooks over. What Svix has had already counts as handed over. */
export function createSvixSender(svix: Svix): WebhookSender {
  return {
    async send(request) {
      const startedMs = Date.now();
      const took = () => Date.now() - startedMs;
      if (!EVENT_TYPE.test(request.type)) {
        return {
          kind: "unsendable",
          error: "Svix takes event types of letters, digits and '-', '_', '.' only.",
          durationMs: 0,
        };
      }
      try {
        const { id } = await svix.message.create(request.endpointId, toMessage(request));
        return handedOver(id, took());
      } catch (thrown) {
        return toOutcome(thrown, took());
      }
    },
  };
}

/** Keeps Svix's endpoints as ours are. What Svix does in another way is refused rather than half done. */
export function createSvixWebhooks(own: Webhooks, svix: Svix): Webhooks {
  return {
    ...own,
    async create(endpoint) {
      const created = await own.create(endpoint);
      const { id, url, description, secret } = created;
      try {
        await svix.application.getOrCreate({ name: `Everywire ${id}`, uid: id });
        await svix.endpoint.create(id, { uid: id, url, description, secret });
        return created;
      } catch (thrown) {
        await own.remove(id);
        throw toError(thrown);
      }
    },
    async update(id, change) {
      const updated = await own.update(id, change);
      const { url, description, enabled } = updated;
      await asError(svix.endpoint.patch(id, id, { url, description, disabled: !enabled }));
      return updated;
    },
    async remove(id) {
      await asError(svix.application.delete(id), 404);
      await own.remove(id);
    },
    async rotateSecret(id) {
      const issued = await own.rotateSecret(id);
      await asError(svix.endpoint.rotateSecret(id, id, { key: issued.secret }));
      return issued;
    },
    replayDelivery: async () => {
      throw notHere();
    },
    replayFrom: async () => {
      throw notHere();
    },
  };
}

function toMessage({ id, type, body }: WebhookRequest): MessageIn {
  return { eventId: id, eventType: type, payload: JSON.parse(body) };
}

function handedOver(messageId: string, durationMs: number): AttemptOutcome {
  return {
    kind: "answered",
    status: 202,
    retryAfter: null,
    response: `Handed over to Svix as ${messageId}.`,
    durationMs,
  };
}

function toOutcome(thrown: unknown, durationMs: number): AttemptOutcome {
  if (!(thrown instanceof ApiException))
    return { kind: "unreachable", error: "Svix could not be reached.", durationMs };
  const { code, headers } = thrown;
  if (code === CONFLICT) return handedOver("a message that it had", durationMs);
  if (OUR_FAULTS.has(code)) return { kind: "unreachable", error: `Svix answered ${code}.`, durationMs };
  if (code >= 400 && code < 500 && code !== TOO_MANY) {
    return { kind: "unsendable", error: `Svix did not take it (${code}).`, durationMs };
  }
  const retryAfter = headers["retry-after"] ?? null;
  return { kind: "answered", status: code, retryAfter, response: "", durationMs };
}

/** @param isFine a status that is no failure here */
async function asError(call: Promise<unknown>, isFine?: number): Promise<void> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof ApiException && thrown.code === isFine) return;
    throw toError(thrown);
  }
}

function toError(cause: unknown): EverywireError {
  const said = cause instanceof ApiException ? `Svix answered ${cause.code}` : "Svix could not be reached";
  return new EverywireError("unavailable", `${said}; try again.`, { cause });
}

function notHere(): EverywireError {
  return new EverywireError(
    "precondition_failed",
    "Svix delivers here, and has what was handed over: replay it in Svix, which knows no cursors of ours.",
  );
}
