import { formatCursor } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { Result } from "../core/result.ts";
import { unwrap } from "../core/result.ts";
import type { ForkRequest } from "../core/stream.ts";
import { toStreamBytes, withFirstBytes } from "../core/stream-messages.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { LogRow } from "./channel-log-rows.ts";
import type { ChannelStream } from "./channel-stream.ts";
import type { CursorAlias, ForkOrigin, StreamState } from "./channel-stream-state.ts";
import { hasType, resolveFork, toOwnCursor, toStreamInfo } from "./channel-stream-state.ts";

/** What a fork asks of its source. */
export interface OpenForkRequest extends Omit<ForkRequest, "source"> {
  /** The channel that becomes the fork. */
  readonly name: string;
  readonly contentType: string | undefined;
}

/** What a source gives to a fork: what it is, and which rows to fetch. */
export interface OpenedFork {
  readonly stream: StreamState;
  readonly epoch: string;
  readonly first: number;
  /** Rows above `from`, up to and with `last`, are copied. */
  readonly from: number;
  readonly last: number;
  /** The number of the fork's offset, without its sub-offset. */
  readonly number: number;
  /** The first bytes of the row after `last`, where the fork begins in the middle of one. */
  readonly partial: LogRow | undefined;
}

/** The channel that is forked, as its fork reaches it. */
export interface ForkSource {
  openFork(request: OpenForkRequest): Promise<Result<OpenedFork>>;
  readFork(epoch: string, from: number, last: number): Promise<Result<readonly LogRow[]>>;
}

/**
 * The source's side: checks a fork, and notes it. From then on deleting the source leaves its name taken.
 *
 * @throws EverywireError `not_found`; `precondition_failed` where only forks are left of it or the content type is
 *   another; `invalid_argument` for a position that it does not have; `gone` for one that it no longer keeps
 */
export function openFork(log: ChannelLog, stream: ChannelStream, request: OpenForkRequest): OpenedFork {
  if (stream.state.isEnded) {
    throw new EverywireError(
      "precondition_failed",
      "The source of the fork was deleted; only forks of it live.",
    );
  }
  const { epoch, first } = log.state;
  if (epoch === undefined) throw new EverywireError("not_found", "There is no stream to fork.");
  if (request.contentType !== undefined && !hasType(stream.state, request.contentType)) {
    throw new EverywireError("precondition_failed", "A fork has the content type of its source.");
  }
  const number = resolveFork(
    log.state,
    request.offset && toOwnCursor(stream.state, log.state, request.offset),
  );
  const isBytes = toStreamInfo(stream.state, log.state).kind === "bytes";
  const last = isBytes ? number : number + request.subOffset;
  const partial = isBytes && request.subOffset > 0 ? cutRow(log, number + 1, request.subOffset) : undefined;
  if (last > log.state.head) throw overshoot();
  stream.addFork(request.name);
  // The newest row goes along even where readers no longer see it: numbering goes on from it.
  return {
    stream: stream.state,
    epoch,
    first,
    from: Math.max(0, Math.min(first, last) - 1),
    last,
    number,
    partial,
  };
}

function cutRow(log: ChannelLog, number: number, length: number): LogRow {
  const [row] = log.rows.read(number - 1, number);
  if (row === undefined || toStreamBytes(row.json).byteLength < length) throw overshoot();
  return { ...row, json: withFirstBytes(row.json, length) };
}

function overshoot(): EverywireError {
  return new EverywireError("invalid_argument", "Stream-Fork-Sub-Offset is past what was appended there.");
}

/**
 * The fork's side: fetches the rows. They are copied, so that every door reads a fork as any other channel, and
 * nothing that happens to the source can be seen in it. Cursors of the source go on meaning the same place.
 */
export async function copyFork(
  source: ForkSource,
  log: ChannelLog,
  channel: string,
  opened: OpenedFork,
  epoch: string,
): Promise<void> {
  const rename = (row: LogRow): LogRow => {
    const event = JSON.parse(row.json) as Record<string, unknown>;
    const sequence = formatCursor(epoch, row.number);
    return { ...row, json: JSON.stringify({ ...event, sequence, subject: channel }) };
  };
  let from = opened.from;
  while (from < opened.last) {
    const rows = unwrap(await source.readFork(opened.epoch, from, opened.last));
    const newest = rows.at(-1);
    if (newest === undefined) break;
    log.rows.write(rows.map(rename));
    from = newest.number;
  }
  if (opened.partial !== undefined) log.rows.write([rename(opened.partial)]);
}

/** What a fork remembers of where it came from. */
export function toOrigin(fork: ForkRequest, opened: OpenedFork): ForkOrigin {
  const inherited = opened.stream.fork?.aliases ?? [];
  const aliases: CursorAlias[] = [
    { epoch: opened.epoch, number: opened.last },
    ...inherited.map((alias) => ({ ...alias, number: Math.min(alias.number, opened.last) })),
  ];
  return { source: fork.source, number: opened.number, subOffset: fork.subOffset, aliases };
}
