import { EverywireError } from "../error.ts";
import type { Names } from "../ports.ts";
import type { TargetRules } from "../private-address.ts";
import { isAddress, isPrivateAddress, refuseTarget } from "../private-address.ts";

export type TargetVerdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "refused"; readonly reason: string }
  /** What its name means could not be found out now. */
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Whether a URL that somebody gave may be called now: by its text, and by every address that its name has. Whoever calls
 * afterwards looks the name up again and may see another answer (DNS rebinding), which no check ahead of a call can rule
 * out; so this is asked before each call, and what is found in between has to be a change within moments.
 */
export async function checkTarget(url: string, rules: TargetRules, names: Names): Promise<TargetVerdict> {
  const refusal = refuseTarget(url, rules);
  if (refusal !== undefined) return { kind: "refused", reason: refusal };
  const { hostname } = new URL(url);
  if (rules.allowsPrivate || isAddress(hostname)) return { kind: "allowed" };
  try {
    const addresses = await names.resolve(hostname);
    if (addresses === undefined) return { kind: "allowed" };
    if (addresses.length === 0) return { kind: "unknown", reason: `The name '${hostname}' has no address.` };
    if (!addresses.some(isPrivateAddress)) return { kind: "allowed" };
    return { kind: "refused", reason: `The name '${hostname}' leads to a private address.` };
  } catch (thrown) {
    const { code } = EverywireError.from(thrown);
    if (code !== "unavailable") throw thrown;
    return { kind: "unknown", reason: `The name '${hostname}' could not be looked up.` };
  }
}
