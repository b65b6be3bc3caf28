import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { readStream } from "../../core/operations/manage-streams.ts";
import { subscribeToEvents } from "../../core/operations/read-events.ts";
import type { Subscription } from "../../core/ports.ts";
import type { StreamPage } from "../../core/stream.ts";
import { encodeComment, encodeRetry } from "../../wire/server-sent-events.ts";
import { nextCollapseCursor } from "./collapse-cursor.ts";
import { toStreamHeaders } from "./encode.ts";
import { LiveBody } from "./live-body.ts";
import type { Control } from "./live-events.ts";
import { encodeControl, encodePageEvents, encodeRecordEvents, isBase64 } from "./live-events.ts";

/** So that readers meet again at the edge, and a CDN can make one request of theirs (`PROTOCOL.md`, "SSE"). */
const SESSION_MS = 60_000;
const MAX_HEARTBEAT_SECONDS = 15;
const RETRY_MS = 1000;

export interface LiveReader {
  readonly context: OperationContext;
  readonly channel: ChannelName;
  /** Read already, so that a refusal is a status. */
  readonly first: StreamPage;
  readonly collapseCursor: string | null;
  readonly signal: AbortSignal;
  readonly onFault: (error: EverywireError) => void;
}

/** `live=sse`: what there is, page by page, and then what comes. */
export function openLive(reader: LiveReader): Response {
  const { context, channel, first } = reader;
  const { identity, limits, nowMs } = context;
  const live = new LiveChunks(reader);
  // Encoded before the answer: a gap that this stream has no word for is a status as well.
  const opening = encodeRetry(RETRY_MS) + encodePageEvents(channel, first, live.controlOf(first), nowMs);
  const expiresInMs =
    identity.kind === "user" && identity.expiresAtMs !== undefined
      ? identity.expiresAtMs - nowMs
      : SESSION_MS;
  const body = new LiveBody({
    chunks: live.chunks(opening),
    heartbeat: encodeComment("heartbeat"),
    heartbeatMs: Math.min(limits.HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS) * 1000,
    endsInMs: Math.max(0, Math.min(SESSION_MS, expiresInMs)),
    release: () => live.stop(),
    onFault: (thrown) => {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") reader.onFault(error);
    },
  });
  reader.signal.addEventListener("abort", () => body.stop(), { once: true });
  const headers = toStreamHeaders(first.info, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    // The same for nginx, which buffers what it proxies unless told not to.
    "x-accel-buffering": "no",
    ...(isBase64(first.info) ? { "stream-sse-data-encoding": "base64" } : {}),
  });
  // Where the reader stands, and whether it is at the end, is in the control events.
  headers.delete("stream-next-offset");
  headers.delete("stream-closed");
  return new Response(body.stream, { headers });
}

class LiveChunks {
  readonly #reader: LiveReader;
  #subscription: Subscription | undefined;
  #isStopped = false;

  constructor(reader: LiveReader) {
    this.#reader = reader;
  }

  stop(): void {
    this.#isStopped = true;
    this.#subscription?.close();
  }

  async *chunks(opening: string): AsyncGenerator<string> {
    const { context, channel, first } = this.#reader;
    yield opening;
    let page = first;
    while (!page.upToDate && !this.#isStopped) {
      page = await this.#readOn(page.next as After);
      yield encodePageEvents(channel, page, this.controlOf(page), Date.now());
    }
    if (this.#isStopped || page.info.isClosed) return;
    let offset = page.next;
    this.#subscription = await subscribeToEvents(context, channel, offset as After);
    if (this.#isStopped) this.#subscription.close();
    for await (const records of this.#subscription) {
      yield encodeRecordEvents(page.info, records, (cursor) => {
        offset = cursor;
        return this.#control(cursor, false);
      });
      if (this.#isStopped) return;
    }
    // The subscription ends by itself when the stream is closed and all of it was given.
    if (!this.#isStopped) yield encodeControl(this.#control(offset, true));
  }

  controlOf({ next, upToDate, info }: StreamPage): Control {
    return { ...this.#control(next, upToDate && info.isClosed), isUpToDate: upToDate };
  }

  #control(offset: string, isClosed: boolean): Control {
    const collapseCursor = isClosed
      ? undefined
      : nextCollapseCursor(this.#reader.collapseCursor, Date.now(), Math.random());
    return { offset, collapseCursor, isUpToDate: true, isClosed };
  }

  #readOn(after: After): Promise<StreamPage> {
    const { context, channel } = this.#reader;
    return readStream(context, channel, { after, limit: context.limits.MAX_PAGE_EVENTS, timeoutMs: 0 });
  }
}
