export const STRUCTURED_MEDIA_TYPE = "application/cloudevents+json";

/** How a body becomes `data` (CloudEvents JSON format 1.0.2, §3.1): JSON as itself, text as a string, or bytes. */
export type BodyForm = "json" | "text" | "bytes";

const JSON_TYPE = /^[^/]+\/(?:json|[^/]+\+json)$/;
const TEXT_TYPE = /^(?:text\/.+|application\/(?:xml|[^/]+\+xml))$/;

/** @param mediaType in lower case, without parameters; "" where there is none */
export function bodyFormOf(mediaType: string): BodyForm {
  if (JSON_TYPE.test(mediaType)) return "json";
  return TEXT_TYPE.test(mediaType) ? "text" : "bytes";
}

/** The media type of a content type, in lower case and without parameters. */
export function mediaTypeOf(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
