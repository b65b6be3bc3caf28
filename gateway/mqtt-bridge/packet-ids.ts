import { createHash, randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { CursorFile } from "../mirror/cursor-file.ts";

/** A message as it came, as far as it matters for what its event is called. */
export interface NumberedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Of the packet; undefined at QoS 0. */
  readonly messageId: number | undefined;
  /** Whether the broker says that it may have sent it before. */
  readonly isRepeated: boolean;
}

/**
 * The ids of the events that messages without one become. A broker uses a packet's number again for another message as soon as it
 * is free, so a number and the same content are not the same message: only what the broker says it repeats is (MQTT 5 §3.3.1.1).
 * Each id is on disk before its event is published, so what is repeated after a crash is stored once.
 */
export class PacketIds {
  readonly #path: string;
  #ids: CursorFile;

  /** @throws Error where the file cannot be read or written */
  constructor(path: string) {
    this.#path = path;
    this.#ids = new CursorFile(path);
  }

  /** In a new session at the broker its numbers begin anew, and nothing of the old one is repeated. @throws Error */
  forget(): void {
    this.#ids.close();
    if (existsSync(this.#path)) rmSync(this.#path);
    this.#ids = new CursorFile(this.#path);
  }

  /** @throws Error where it cannot be noted */
  toId({ topic, payload, messageId, isRepeated }: NumberedMessage): string {
    const id = `mqtt-${randomBytes(18).toString("base64url")}`;
    // Without a number nothing is sent again.
    if (messageId === undefined) return id;
    const digest = createHash("sha256").update(`${topic} `).update(payload).digest("base64url").slice(0, 16);
    const known = isRepeated ? this.#ids.get(String(messageId)) : undefined;
    // Another content: what was first sent under this number was never received.
    if (known?.startsWith(`${digest}.`)) return known.slice(digest.length + 1);
    this.#ids.set(new Map([[String(messageId), `${digest}.${id}`]]));
    return id;
  }

  close(): void {
    this.#ids.close();
  }
}
