import type { Message } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import type { OperationContext } from "../../core/context.ts";
import type { EverywireError } from "../../core/error.ts";

/** What has become of a unary call before the Connect library heard of it, which is to tell it. */
export type Settled = SettledHeaders &
  (
    | { readonly kind: "done"; readonly message: Message }
    | { readonly kind: "failed"; readonly thrown: unknown }
  );

/** What the method said beside its message. */
interface SettledHeaders {
  readonly header: Headers | undefined;
  readonly trailer: Headers | undefined;
}

/** What one call carries besides its messages. */
export interface Call {
  readonly requestId: string;
  /** Set where the boundary has refused the request before any service saw it. */
  readonly refusal: EverywireError | undefined;
  /** The context for an operation that begins now: a stream lasts, and each of its messages has its own time. */
  operation(): OperationContext;
  /**
   * Counts one more request of the caller, for what comes several to a call. What is published needs none: it has a rate
   * of its own.
   *
   * @throws EverywireError `rate_limited`
   */
  takeRequest(): Promise<void> | undefined;
  /**
   * Sends the response headers now. Connect sends them with the first message, which on a quiet channel would leave
   * the client waiting to know that it is subscribed.
   */
  sendHeaders(headers: Headers): void;
  /** Set where the method was called already (`unary.ts`): it is not to be called again. */
  settled: Settled | undefined;
  /** Whether the message could be read and the service was asked. */
  isInvoked: boolean;
}

export const CALL_KEY = createContextKey<Call | undefined>(undefined, { description: "everywire call" });

/** The call that a service's method runs in. @throws Error outside of a door */
export function callOf(context: Pick<HandlerContext, "values">): Call {
  const call = context.values.get(CALL_KEY);
  if (call === undefined) throw new Error("There is no call in this context.");
  return call;
}
