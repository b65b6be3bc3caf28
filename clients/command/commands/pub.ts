import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import type { NewEvent } from "../../typescript/event.ts";
import type { CommandContext, RunCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { Progress } from "../progress.ts";
import type { Ack } from "../publish.ts";
import { publish } from "../publish.ts";
import type { Target } from "../target.ts";
import { toTarget } from "../target.ts";
import { UsageError } from "../usage-error.ts";

/** Within MAX_BATCH_EVENTS and MAX_BATCH_BYTES of a server that was not set up otherwise. */
const BATCH_EVENTS = 100;
const BATCH_CHARACTERS = 200_000;
const DEFAULT_TYPE = "message";

/** Publishes what is given as an argument, in a file, or line by line on stdin. */
export const run: RunCommand = async (context) => {
  const { words, environment } = context;
  const target = toTarget(words, environment);
  const [, data] = words.positionals;
  const file = words.get("file");
  if (data !== undefined && file !== undefined)
    throw new UsageError("Give the data or --file, and not both.");
  if (words.has("lines")) return publishLines(context, target, file);
  if (file !== undefined) return publishOne(context, target, await toFileEvent(context, file));
  if (data !== undefined) return publishOne(context, target, { data: toData(context, data) });
  if (process.stdin.isTTY === true) context.output.note("Each line is an event; Ctrl-D ends.");
  return publishLines(context, target, undefined);
};

async function publishOne(context: CommandContext, target: Target, event: Partial<NewEvent>) {
  const { words, signal } = context;
  const id = words.get("id");
  const whole = { ...toAttributes(context), ...event, ...(id === undefined ? {} : { id }) };
  const acks = await publish(target, words.positionals[0] ?? "", [whole], signal);
  for (const ack of acks) show(context, ack);
  return EXIT.ok;
}

/** Publishes lines as they come: those that are there together go together, each acknowledged in its order. */
async function publishLines(context: CommandContext, target: Target, file: string | undefined) {
  const { words, output, signal } = context;
  if (words.get("id") !== undefined) throw new UsageError("--id is for one event, and lines are many.");
  const channel = words.positionals[0] ?? "";
  const totalBytes = file === undefined || file === "-" ? undefined : (await stat(file)).size;
  const input = file === undefined || file === "-" ? process.stdin : createReadStream(file);
  const progress = new Progress(output);
  const stop = () => input.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const waiting: NewEvent[] = [];
  let doneBytes = 0;
  let published = 0;
  let sending: Promise<void> | undefined;
  let failed: unknown;
  const send = async () => {
    while (waiting.length > 0) {
      let characters = 0;
      const count = waiting.findIndex((event, index) => {
        characters += JSON.stringify(event).length;
        return index === BATCH_EVENTS || (index > 0 && characters > BATCH_CHARACTERS);
      });
      const batch = waiting.splice(0, count === -1 ? waiting.length : count);
      for (const ack of await publish(target, channel, batch, signal)) show(context, ack);
      published += batch.length;
      if (totalBytes === undefined) progress.update(published, undefined, "events");
      else progress.update(Math.min(doneBytes, totalBytes), totalBytes, "bytes");
    }
  };
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      doneBytes += Buffer.byteLength(line) + 1;
      if (line === "") continue;
      waiting.push({ ...toAttributes(context), data: toData(context, line) });
      sending ??= send()
        .catch((error: unknown) => {
          failed = error;
        })
        .finally(() => {
          sending = undefined;
        });
      // What is read faster than it is taken waits in the pipe, and not here.
      if (waiting.length >= BATCH_EVENTS * 2) await sending;
      if (failed !== undefined) throw failed;
    }
    await sending;
    await send();
    if (failed !== undefined) throw failed;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
    signal.removeEventListener("abort", stop);
  }
  return signal.aborted ? EXIT.interrupted : EXIT.ok;
}

function toAttributes({ words }: CommandContext): { type: string; source?: string } {
  const source = words.get("source");
  return { type: words.get("type") ?? DEFAULT_TYPE, ...(source === undefined ? {} : { source }) };
}

/** JSON where it is JSON, else a text. */
function toData({ words }: CommandContext, text: string): unknown {
  if (words.has("text")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A whole file as one event: JSON by its name, text where it is text, else bytes. */
async function toFileEvent(context: CommandContext, file: string): Promise<Partial<NewEvent>> {
  const bytes = file === "-" ? await readStdin() : await readFile(file);
  const extension = extname(file).toLowerCase();
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (extension === ".json" && !context.words.has("text")) return { data: JSON.parse(text) };
    return { data: toData(context, text) };
  } catch (error) {
    if (extension === ".json") throw new UsageError(`${file} is no JSON: ${(error as Error).message}.`);
    return { data_base64: bytes.toString("base64"), datacontenttype: "application/octet-stream" };
  }
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function show({ words, output }: CommandContext, ack: Ack): void {
  if (output.isJson) output.json(ack);
  else if (!words.has("quiet"))
    output.line(`${ack.sequence ?? "(not stored)"}${ack.duplicate ? " duplicate" : ""}`);
}
