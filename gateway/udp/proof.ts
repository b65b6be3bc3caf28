import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const WINDOW_MS = 60_000;
/** 48 bits: too many to try within the two windows for which one is good, and few enough for a challenge to stay small. */
const PROOF_BYTES = 6;
/** In base64url. */
const PROOF_LENGTH = 8;

/**
 * What shows that somebody receives at the address that a datagram says it comes from: a keyed hash of that address and the
 * time, sent there and to be sent back. Nothing is kept for it (as with TCP's SYN cookies, and QUIC's Retry).
 */
export class Proofs {
  readonly #secret = randomBytes(32);
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @param address with its port */
  issue(address: string): string {
    return this.#hash(address, this.#window).toString("base64url");
  }

  /** Good for one to two minutes, and at that address alone. */
  isGood(address: string, proof: unknown): boolean {
    if (typeof proof !== "string" || proof.length !== PROOF_LENGTH) return false;
    const given = Buffer.from(proof, "base64url");
    if (given.length !== PROOF_BYTES) return false;
    return [this.#window, this.#window - 1].some((window) =>
      timingSafeEqual(given, this.#hash(address, window)),
    );
  }

  get #window(): number {
    return Math.floor(this.#now() / WINDOW_MS);
  }

  #hash(address: string, window: number): Buffer {
    const mac = createHmac("sha256", this.#secret).update(`${window} ${address}`).digest();
    return mac.subarray(0, PROOF_BYTES);
  }
}
