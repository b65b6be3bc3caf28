import { logSparingly } from "../log.ts";
import type { Line, WorkerLines } from "../webtransport/worker-lines.ts";
import type { CursorFile } from "./cursor-file.ts";
import type { MirroredEvent, Sink } from "./sink.ts";

/** Some channels on one connection of lines: nothing more is read before the sink has what was. */
export class Followed {
  readonly #lines: WorkerLines;
  readonly #cursors: CursorFile;
  readonly #sink: Sink;
  readonly #channels = new Set<string>();

  constructor(lines: WorkerLines, cursors: CursorFile, sink: Sink) {
    this.#lines = lines;
    this.#cursors = cursors;
    this.#sink = sink;
  }

  get size(): number {
    return this.#channels.size;
  }

  get isEnded(): boolean {
    return this.#lines.isEnded;
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  add(channel: string, after: string): void {
    this.#channels.add(channel);
    // A connection that was lost is found out where it is read.
    this.#lines.send(JSON.stringify({ op: "subscribe", ref: channel, channel, after })).catch(() => {});
  }

  end(): void {
    this.#lines.close();
  }

  /** Resolves when the connection is over. @throws Error where the sink fails: what it has is then not known */
  async run(): Promise<void> {
    try {
      for await (const batch of this.#lines.batches()) {
        const events: MirroredEvent[] = [];
        const steps = new Map<string, string>();
        for (const text of batch) {
          const line = JSON.parse(text) as Line;
          if (line.op !== undefined) {
            this.#onAnswer(line);
            continue;
          }
          const channel = String(line.subject);
          events.push({ channel, event: line });
          const cursor = toCursor(line, channel);
          if (cursor !== undefined) steps.set(channel, cursor);
        }
        if (events.length === 0) continue;
        await this.#sink.take(events);
        this.#cursors.set(steps);
      }
    } finally {
      this.#channels.clear();
      this.#lines.close();
    }
  }

  #onAnswer({ op, ref, channel, code, message }: Line): void {
    if (op !== "error") return;
    const name = String(ref ?? channel);
    // In the next round it is followed again, if it is still there. A rate is no news: one goes on when it allows.
    this.#channels.delete(name);
    if (code !== "rate_limited" && code !== "gone")
      logSparingly("a channel is not followed", { channel: name, why: message });
  }
}

function toCursor({ sequence, type, data }: Line, channel: string): string | undefined {
  if (typeof sequence === "string") return sequence;
  if (type !== "everywire.gap") return undefined;
  logSparingly("events are not kept any more that were not carried yet", { channel });
  return (data as { readonly resumedAt: string }).resumedAt;
}
