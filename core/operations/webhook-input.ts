import * as z from "zod";
import type { ChannelGlob } from "../channel-name.ts";
import { parseChannelGlob } from "../channel-name.ts";
import { parseInput } from "../entities/parse-input.ts";
import { EverywireError } from "../error.ts";
import type { EndpointSettings } from "../webhooks.ts";

const MAX_PATTERNS = 50;
const MAX_DESCRIPTION_LENGTH = 500;
/** As long as a type can be; printable, since types with control characters do not exist. */
const TYPE_PATTERN = /^[^\p{Cc}]{1,256}$/u;

const settings = {
  url: z.string().min(1),
  channels: z.array(z.string()).min(1).max(MAX_PATTERNS),
  types: z
    .array(z.string().regex(TYPE_PATTERN, "A type has 1 to 256 characters; '*' is any text"))
    .max(MAX_PATTERNS),
  description: z.string().max(MAX_DESCRIPTION_LENGTH),
};
const newEndpoint = z.strictObject({
  ...settings,
  types: settings.types.default([]),
  description: settings.description.default(""),
  after: z.string().optional(),
});
const change = z.strictObject({ ...settings, enabled: z.boolean() }).partial();

export interface EndpointInput extends EndpointSettings {
  readonly after: string | undefined;
}

/** Reads what an endpoint is made of. @throws EverywireError `validation_failed`, `invalid_argument` for a channel pattern */
export function parseNewEndpoint(value: unknown): EndpointInput {
  const { after, ...input } = parseInput(newEndpoint, assertObject(value));
  return { ...input, after, channels: parseGlobs(input.channels) };
}

/** Reads a change; what is not in it stays as it is. @throws EverywireError as {@link parseNewEndpoint} */
export function parseEndpointChange(
  value: unknown,
): Partial<EndpointSettings> & { readonly enabled?: boolean | undefined } {
  const { url, channels, types, description, enabled } = parseInput(change, assertObject(value));
  return {
    ...(url === undefined ? {} : { url }),
    ...(channels === undefined ? {} : { channels: parseGlobs(channels) }),
    ...(types === undefined ? {} : { types }),
    ...(description === undefined ? {} : { description }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}

function parseGlobs(channels: readonly string[]): ChannelGlob[] {
  return [...new Set(channels)].map(parseChannelGlob);
}

function assertObject(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new EverywireError("invalid_argument", "Send a JSON object.");
}
