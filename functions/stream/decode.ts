import { EverywireError } from "../../core/error.ts";
import type { NewEvent, PublishDefaults } from "../../core/event.ts";
import { parsePlainEvent } from "../../core/event.ts";
import type { JobRow } from "../../core/jobs.ts";
import type { NdjsonLine } from "../../wire/ndjson.ts";
import { NDJSON_MEDIA_TYPES } from "../../wire/ndjson.ts";
import { mediaType } from "../boundary/body.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** What to do with lines that are over the publish rate: answer them so, or send them when the rate allows it. */
export type RateMode = "refuse" | "wait";

/** @throws EverywireError `unsupported_media_type` */
export function assertNdjson(request: Request): void {
  const type = mediaType(request);
  const coding = request.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (coding !== "identity") {
    throw new EverywireError("unsupported_media_type", "Bodies are taken without a content coding.");
  }
  // A body without a type is what `curl -T -` sends.
  if (type !== "" && !NDJSON_MEDIA_TYPES.includes(type)) {
    throw new EverywireError("unsupported_media_type", `Send ${NDJSON_MEDIA_TYPES[0]}.`);
  }
}

/** @throws EverywireError `invalid_argument` */
export function parseRateMode(text: string | null): RateMode {
  if (text === null || text === "refuse") return "refuse";
  if (text === "wait") return "wait";
  throw new EverywireError("invalid_argument", "'rate' is 'refuse' or 'wait'.");
}

/** The event of a line, plain or a CloudEvent. @throws EverywireError `invalid_argument`, `payload_too_large` */
export function decodeEventLine(line: NdjsonLine, maxLineBytes: number, defaults: PublishDefaults): NewEvent {
  return parsePlainEvent(decodeLine(line, maxLineBytes), defaults);
}

/** The row of a line; what is wrong with it is the row's, and not the job's. */
export function decodeJobRow(line: NdjsonLine, maxLineBytes: number): JobRow {
  try {
    return { row: line.number, value: decodeLine(line, maxLineBytes) };
  } catch (thrown) {
    return { row: line.number, error: EverywireError.from(thrown).toData() };
  }
}

function decodeLine({ bytes }: NdjsonLine, maxLineBytes: number): unknown {
  if (bytes === undefined) {
    throw new EverywireError("payload_too_large", `A line has at most ${maxLineBytes} bytes.`);
  }
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw new EverywireError("invalid_argument", "The line is not JSON in UTF-8.");
  }
}
