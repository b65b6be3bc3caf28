import { EverywireError } from "../../core/error.ts";
import type { Answers } from "../../guide/choose.ts";
import { parseAnswers } from "../../guide/choose.ts";
import type { GuideFilter } from "../../guide/guide.ts";
import { parseGuideFilter } from "../../guide/guide.ts";
import { GuideError } from "../../guide/guide-error.ts";

/** Reads `?use=` and `?protocol=`. @throws EverywireError `invalid_argument` */
export function parseFilter(url: URL): GuideFilter {
  return refusing(() =>
    parseGuideFilter({ use: url.searchParams.get("use"), protocol: url.searchParams.get("protocol") }),
  );
}

/** Reads an answer from each parameter. @throws EverywireError `invalid_argument` */
export function parseQueryAnswers(url: URL): Answers {
  const { access_token: _, ...words } = Object.fromEntries(url.searchParams);
  return refusing(() => parseAnswers(words));
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof GuideError) throw new EverywireError("invalid_argument", error.message);
    throw error;
  }
}
