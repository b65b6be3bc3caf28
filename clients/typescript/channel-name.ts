import { EverywireError } from "./error.ts";

const SEGMENT = /^[A-Za-z0-9._~:@-]{1,64}$/;
const MAX_SEGMENTS = 8;

/** Checks a channel's name (CONTRACT §1). @throws EverywireError `invalid_argument` */
export function assertChannelName(name: string): void {
  const segments = name.split("/");
  const isGood = segments.every((segment) => SEGMENT.test(segment) && segment !== "." && segment !== "..");
  if (isGood && segments.length <= MAX_SEGMENTS) return;
  throw new EverywireError(
    "invalid_argument",
    "A channel name is 1-8 segments joined by '/', each of 1-64 of A-Z a-z 0-9 . _ ~ : @ - (and not '.' or '..').",
  );
}
