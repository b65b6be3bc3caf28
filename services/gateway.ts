import { EverywireError } from "../core/error.ts";
import type { Gateway, GatewayOffer } from "../core/ports.ts";

/** Short: whoever asks what there is does not wait for what is not there. */
const TIMEOUT_MS = 1000;

/** Asks the gateway where its health is (`gateway/health.ts`); it knows better than any setting what it has just now. */
export function createGateway(healthUrl: string | undefined): Gateway {
  return {
    async describe() {
      if (healthUrl === undefined) return undefined;
      try {
        const response = await fetch(`${healthUrl}/doors`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (!response.ok) throw new Error(`The gateway answered ${response.status}.`);
        return parseOffer(await response.json());
      } catch (cause) {
        throw new EverywireError("unavailable", "The gateway does not say what it offers.", { cause });
      }
    },
  };
}

function parseOffer(value: unknown): GatewayOffer {
  const { ports, http, certificateHash, doors } = value as Partial<GatewayOffer>;
  if (typeof ports !== "object" || !Array.isArray(http) || !Array.isArray(doors)) {
    throw new Error("That is no gateway.");
  }
  return { ports, http, certificateHash, doors };
}
