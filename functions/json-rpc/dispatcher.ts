import { EverywireError } from "../../core/error.ts";
import type { Call, InvalidCall } from "./decode.ts";
import { decodeCall } from "./decode.ts";
import {
  encodeFailure,
  encodeResult,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  toRpcError,
} from "./encode.ts";
import type { Method } from "./method.ts";

export interface DispatchOptions {
  /** Calls in one batch. */
  readonly maxBatch: number;
  /** Characters of all answers to one batch together; calls past that are refused and not run. */
  readonly maxAnswerCharacters: number;
  /** Before each call, one that is no good (without a method) included; what it throws is the call's answer. */
  readonly admit?: (method: string | undefined) => Promise<void> | undefined;
  /** Told of faults that are ours; the caller only hears `internal`. */
  readonly onFault: (error: EverywireError) => void;
}

/**
 * JSON-RPC 2.0: text in, text out, over any transport. What can be called is the table that it is made with.
 *
 * The calls of a batch run one after the other, in their order (§6 leaves that open), so that a batch of publishes
 * stands in the log as it was written.
 */
export class Dispatcher<C> {
  readonly #methods: ReadonlyMap<string, Method<C>>;

  constructor(methods: Iterable<Method<C>>) {
    this.#methods = new Map(Array.from(methods, (method) => [method.name, method]));
  }

  /** Answers a message; undefined where there is nothing to answer. Never throws. @param text undefined if unreadable */
  async dispatch(
    text: string | undefined,
    context: C,
    options: DispatchOptions,
  ): Promise<string | undefined> {
    let message: unknown;
    try {
      message = JSON.parse(text ?? "");
    } catch {
      return encodeFailure(null, PARSE_ERROR);
    }
    if (!Array.isArray(message)) return this.#answer(message, context, options);
    if (message.length === 0) return encodeFailure(null, INVALID_REQUEST);
    if (message.length > options.maxBatch) {
      const error = new EverywireError("payload_too_large", `A batch has at most ${options.maxBatch} calls.`);
      return encodeFailure(null, toRpcError(error));
    }
    return this.#answerBatch(message, context, options);
  }

  async #answerBatch(
    calls: readonly unknown[],
    context: C,
    options: DispatchOptions,
  ): Promise<string | undefined> {
    const answers: string[] = [];
    let characters = 0;
    const admit = async (method: string | undefined) => {
      if (characters > options.maxAnswerCharacters) {
        throw new EverywireError(
          "payload_too_large",
          "The answer to this batch is too long; ask in several.",
        );
      }
      await options.admit?.(method);
    };
    for (const call of calls) {
      const answer = await this.#answer(call, context, { ...options, admit });
      if (answer === undefined) continue;
      answers.push(answer);
      characters += answer.length;
    }
    return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
  }

  async #answer(value: unknown, context: C, options: DispatchOptions): Promise<string | undefined> {
    const call = decodeCall(value);
    const answer = await this.#call(call, context, options);
    return call.id === undefined ? undefined : answer;
  }

  async #call(call: Call | InvalidCall, context: C, options: DispatchOptions): Promise<string> {
    const id = call.id ?? null;
    try {
      await options.admit?.(call.kind === "invalid" ? undefined : call.method);
      if (call.kind === "invalid") return encodeFailure(id, INVALID_REQUEST);
      const method = this.#methods.get(call.method);
      if (method === undefined) return encodeFailure(id, METHOD_NOT_FOUND);
      return encodeResult(id, await method.call(context, call.params));
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") options.onFault(error);
      return encodeFailure(id, toRpcError(error));
    }
  }
}
