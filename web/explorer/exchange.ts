import { signal } from "@preact/signals";
import { ORIGIN, toMessage } from "../shell/server.ts";
import type { Call, HttpCall, SocketCall, Step } from "./call.ts";

/** Something that was sent, or came. */
export interface Entry {
  readonly number: number;
  readonly direction: "out" | "in" | "note";
  readonly title: string;
  /** Milliseconds since the call began. */
  readonly atMs: number;
  /** As they were on the wire, as far as a page is shown them; undefined for a note. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** What a decoder read in them, where they are no text. */
  readonly decoded: readonly string[] | undefined;
  readonly text: string | undefined;
}

const MAX_ENTRIES = 400;
const toUtf8 = new TextEncoder();

/** Runs a call, and keeps what goes over the wire. One at a time. */
export class Exchange {
  readonly entries = signal<readonly Entry[]>([]);
  readonly isRunning = signal(false);
  readonly problem = signal<string | undefined>(undefined);
  #abort = new AbortController();
  #startedAtMs = 0;
  #number = 0;

  /** Resolves when the call is over, or was stopped. What goes wrong is in `problem`. */
  async run(prepare: () => Call | Promise<Call>): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.entries.value = [];
    this.problem.value = undefined;
    this.isRunning.value = true;
    this.#startedAtMs = performance.now();
    try {
      const call = await prepare();
      if (call.kind === "http") await this.#runHttp(call, abort.signal);
      else await this.#runSocket(call, abort.signal);
    } catch (thrown) {
      if (!abort.signal.aborted) this.problem.value = toMessage(thrown);
    } finally {
      if (this.#abort === abort) this.isRunning.value = false;
    }
  }

  stop(): void {
    this.#abort.abort();
    this.isRunning.value = false;
  }

  async #runHttp(call: HttpCall, signal: AbortSignal): Promise<void> {
    const { method, path, headers, body, decode } = call;
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    this.#add("out", "request", {
      text: [`${method} ${path}`, `host: ${location.host}`, ...head].join("\n"),
    });
    if (body !== undefined) this.#addBytes("out", "body", body, decode?.push(toBytes(body), "out"));
    const response = await fetch(`${ORIGIN}${path}`, {
      method,
      headers,
      signal,
      cache: "no-store",
      ...(body === undefined ? {} : { body }),
    });
    const shown = Array.from(response.headers, ([name, value]) => `${name}: ${value}`);
    this.#add("in", "response", {
      text: [`${response.status} ${response.statusText}`.trim(), ...shown].join("\n"),
    });
    const reader = response.body?.getReader();
    while (reader !== undefined) {
      const { done, value } = await reader.read();
      if (done) break;
      this.#addBytes(
        "in",
        call.isStream ? "chunk" : "body",
        value,
        response.ok ? decode?.push(value, "in") : undefined,
      );
    }
    this.#add("note", "The answer is complete.", {});
  }

  #runSocket(call: SocketCall, signal: AbortSignal): Promise<void> {
    const { path, protocols, steps, until, decode } = call;
    const waiting: Step[] = [...steps];
    return new Promise((resolve) => {
      const head = [
        `GET ${path}`,
        "upgrade: websocket",
        ...(protocols.length > 0 ? [`sec-websocket-protocol: ${protocols.join(", ")}`] : []),
      ];
      this.#add("out", "request", { text: head.join("\n") });
      const socket = new WebSocket(`${ORIGIN.replace(/^http/, "ws")}${path}`, [...protocols]);
      socket.binaryType = "arraybuffer";
      const send = ({ message }: Step) => {
        this.#addBytes("out", "frame", message, decode?.push(toBytes(message), "out"));
        socket.send(message);
      };
      const sendDue = (came: string | undefined) => {
        for (let [next] = waiting; next !== undefined; [next] = waiting) {
          if (next.after !== undefined && came?.includes(next.after) !== true) return;
          waiting.shift();
          send(next);
        }
      };
      signal.addEventListener("abort", () => socket.close(), { once: true });
      socket.addEventListener("open", () => {
        this.#add(
          "note",
          socket.protocol === "" ? "Connected." : `Connected, speaking ${socket.protocol}.`,
          {},
        );
        sendDue(undefined);
      });
      socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
        if (signal.aborted) return;
        const bytes = typeof data === "string" ? data : new Uint8Array(data);
        const decoded = decode?.push(toBytes(bytes), "in");
        this.#addBytes("in", "frame", bytes, decoded);
        const said = decoded?.join("\n") ?? String(data);
        sendDue(said);
        if (until !== undefined && said.includes(until)) socket.close(1000);
      });
      socket.addEventListener("close", ({ code, reason }) => {
        if (!signal.aborted)
          this.#add("note", `Closed with ${code}${reason === "" ? "" : `: ${reason}`}.`, {});
        resolve();
      });
    });
  }

  #addBytes(
    direction: "out" | "in",
    title: string,
    data: string | Uint8Array<ArrayBuffer>,
    decoded?: readonly string[],
  ): void {
    const bytes = toBytes(data);
    const text = decoded === undefined ? new TextDecoder().decode(bytes) : undefined;
    this.#add(direction, title, { bytes, decoded, text });
  }

  #add(
    direction: Entry["direction"],
    title: string,
    what: Partial<Pick<Entry, "bytes" | "decoded" | "text">>,
  ): void {
    this.#number += 1;
    const { bytes, decoded, text } = what;
    const entry: Entry = {
      number: this.#number,
      direction,
      title,
      atMs: performance.now() - this.#startedAtMs,
      bytes: bytes ?? (text === undefined ? undefined : toUtf8.encode(text)),
      decoded,
      text,
    };
    // A stream may go on for hours: the oldest go first.
    this.entries.value = [...this.entries.value, entry].slice(-MAX_ENTRIES);
  }
}

function toBytes(data: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? toUtf8.encode(data) : data;
}
