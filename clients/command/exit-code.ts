import type { ErrorCode } from "../typescript/error.ts";

/** What the command ends with. The README has the table; scripts depend on it. */
export const EXIT = {
  ok: 0,
  /** Refused by the server, or something went wrong. */
  failed: 1,
  /** The words of the command are off. */
  usage: 2,
  /** Nothing answers there. */
  unreachable: 3,
  /** No token, a bad one, or one that may not. */
  denied: 4,
  /** The time was up before what was asked for had come. */
  timeout: 5,
  /** 128 and the number of SIGINT, as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code of an error, by its code. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  switch (code) {
    case "unauthenticated":
    case "permission_denied":
      return EXIT.denied;
    case "deadline_exceeded":
      return EXIT.timeout;
    case "unavailable":
      return EXIT.unreachable;
    default:
      return EXIT.failed;
  }
}
