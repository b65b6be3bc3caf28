import { fromBase64, toBase64 } from "../core/base64.ts";
import type { FileInfo, SaveFileRequest, StoredFile } from "../core/records.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { KEY_PREFIX, toList, toText } from "./redis-client.ts";
import { DESCRIBE_SCRIPT, OPEN_FILE_SCRIPT } from "./redis-file-scripts.ts";
import type { RedisWriter } from "./redis-write.ts";

/** In base64 a third more, which is within the smallest request that Upstash takes, 1 MB. A multiple of three. */
const PART_BYTES = 600_000;
/** Parts that nobody made a file of, because the isolate died, end after this. */
const PART_TTL_SECONDS = 3600;
/** A file that is replaced while it is read is read again. */
const MAX_READS = 3;

/**
 * Small files, such as avatars, in parts that fit into one request each. The parts are sent under a name of their own,
 * and one script then makes them the file, together with its events.
 */
export class RedisFiles {
  readonly #redis: RedisClient;
  readonly #writer: RedisWriter;
  readonly #describe: (...args: readonly string[]) => Promise<Reply>;
  readonly #open: (...args: readonly string[]) => Promise<Reply>;

  constructor(redis: RedisClient, writer: RedisWriter) {
    this.#redis = redis;
    this.#writer = writer;
    this.#describe = redis.script(DESCRIBE_SCRIPT);
    this.#open = redis.script(OPEN_FILE_SCRIPT);
  }

  async save({ name, info, bytes, events }: SaveFileRequest): Promise<void> {
    const generation = crypto.randomUUID();
    const parts = Math.ceil(bytes.byteLength / PART_BYTES);
    for (let n = 0; n < parts; n += 1) {
      const part = toBase64(bytes.subarray(n * PART_BYTES, (n + 1) * PART_BYTES));
      await this.#redis.command("SET", partKey(generation, n), part, "EX", String(PART_TTL_SECONDS));
    }
    const file = { name, info: JSON.stringify(info), generation, parts };
    const { status } = await this.#writer.write([], { events, file });
    if (status !== "ok") throw new Error(`redis: saving a file: ${status}`);
  }

  async get(name: string): Promise<StoredFile | undefined> {
    for (let read = 0; read < MAX_READS; read += 1) {
      const [info, generation, parts, first] = toList(await this.#open(name));
      if (info === undefined || info === null) return undefined;
      const texts = [first ?? null];
      for (let n = 1; n < Number(parts); n += 1) {
        texts.push(await this.#redis.command("GET", partKey(toText(generation), n)));
      }
      const known = JSON.parse(toText(info)) as FileInfo;
      const bytes = Number(parts) === 0 ? new Uint8Array() : joinParts(texts, known.sizeBytes);
      if (bytes !== undefined) return { info: known, bytes };
    }
    throw new Error("redis: parts of a file are missing.");
  }

  async describe(names: readonly string[]): Promise<readonly (FileInfo | undefined)[]> {
    if (names.length === 0) return [];
    const infos = toList(await this.#describe(...names));
    return names.map((_, n) => {
      const info = infos[n];
      return typeof info === "string" ? (JSON.parse(info) as FileInfo) : undefined;
    });
  }
}

function partKey(generation: string, n: number): string {
  return `${KEY_PREFIX}:g:${generation}:${n}`;
}

/** Undefined where a part is gone. */
function joinParts(texts: readonly (Reply | null)[], size: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const text of texts) {
    if (typeof text !== "string") return undefined;
    const part = fromBase64(text);
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
