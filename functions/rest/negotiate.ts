import { EverywireError } from "../../core/error.ts";
import type { ApiVersion } from "./versions.ts";

/** What an answer looks like. `kind` is the part of it that an ETag tells apart. */
export interface Representation {
  readonly mediaType: string;
  readonly kind: "json" | "vnd" | "xml" | "txml";
  /** The version that the media type names, if it names one. */
  readonly version: ApiVersion | undefined;
}

const JSON_REPRESENTATION: Representation = {
  mediaType: "application/json",
  kind: "json",
  version: undefined,
};

/** What there is, the server's favourite first. */
export const REPRESENTATIONS: readonly Representation[] = [
  JSON_REPRESENTATION,
  { mediaType: "application/vnd.everywire.v2+json", kind: "vnd", version: 2 },
  { mediaType: "application/vnd.everywire.v1+json", kind: "vnd", version: 1 },
  { mediaType: "application/xml", kind: "xml", version: undefined },
  { mediaType: "text/xml", kind: "txml", version: undefined },
];

/** Asking for RFC 9457 speaks of errors only; what is no error is then JSON. */
const PROBLEM_TYPE = "application/problem+json";
const MAX_RANGES = 64;

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

interface Rating {
  readonly representation: Representation;
  readonly quality: number;
  readonly specificity: number;
}

/**
 * Chooses the representation that a client wants most (RFC 9110 §12.5.1). Of two that it wants the same, the one that
 * it named more exactly wins, then the server's favourite.
 *
 * @throws EverywireError `not_acceptable`
 */
export function negotiate(accept: string | undefined): Representation {
  // What nearly every client sends needs no parsing.
  if (accept === undefined || accept === "*/*" || accept === "application/json") return JSON_REPRESENTATION;
  const ranges = parseAccept(accept);
  if (ranges.length === 0) return JSON_REPRESENTATION;
  let best: Rating | undefined;
  for (const representation of REPRESENTATIONS) {
    const rating = rate(representation, ranges);
    if (rating.quality > 0 && (best === undefined || isBetter(rating, best))) best = rating;
  }
  if (best !== undefined) return best.representation;
  throw new EverywireError(
    "not_acceptable",
    `Resources come as ${REPRESENTATIONS.map(({ mediaType }) => mediaType).join(", ")}.`,
  );
}

function isBetter(rating: Rating, best: Rating): boolean {
  if (rating.quality !== best.quality) return rating.quality > best.quality;
  return rating.specificity > best.specificity;
}

/** The most exact range that matches decides (RFC 9110 §12.5.1), also where it says no. */
function rate(representation: Representation, ranges: readonly MediaRange[]): Rating {
  let quality = 0;
  let specificity = 0;
  for (const range of ranges) {
    const exactness = matchRange(range.type, representation);
    if (exactness > specificity) {
      specificity = exactness;
      quality = range.quality;
    }
  }
  return { representation, quality, specificity };
}

function matchRange(type: string, representation: Representation): number {
  if (type === representation.mediaType) return 4;
  if (type === PROBLEM_TYPE && representation === JSON_REPRESENTATION) return 3;
  if (type === `${representation.mediaType.split("/", 1)[0]}/*`) return 2;
  return type === "*/*" ? 1 : 0;
}

function parseAccept(accept: string): MediaRange[] {
  return accept
    .split(",", MAX_RANGES)
    .map((part) => {
      const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return { type, quality: parseQuality(weight) };
    })
    .filter(({ type }) => type !== "");
}

function parseQuality(parameter: string | undefined): number {
  if (parameter === undefined) return 1;
  const value = Number(parameter.slice(2));
  return value >= 0 && value <= 1 ? value : 0;
}
