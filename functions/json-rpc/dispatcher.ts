import { EverywireError } from "../../core/error.ts";
import type { Call, Id, InvalidCall, Message } from "./decode.ts";
import { decodeCall, decodeMessage } from "./decode.ts";
import {
  encodeFailure,
  encodeResult,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  toRpcError,
} from "./encode.ts";
import type { CallOutcome, Method } from "./method.ts";

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
  dispatch(text: string | undefined, context: C, options: DispatchOptions): Promise<string | undefined> {
    return this.#answerMessage(decodeMessage(text), context, options);
  }

  async #answerMessage(message: Message, context: C, options: DispatchOptions): Promise<string | undefined> {
    if (message.kind === "unreadable") return encodeFailure(null, PARSE_ERROR);
    if (message.kind !== "batch") return this.#answer(message, context, options);
    const { calls } = message;
    if (calls.length === 0) return encodeFailure(null, INVALID_REQUEST);
    if (calls.length > options.maxBatch) {
      const error = new EverywireError("payload_too_large", `A batch has at most ${options.maxBatch} calls.`);
      return encodeFailure(null, toRpcError(error));
    }
    return this.#answerBatch(calls, context, options);
  }

  /** The method that a message calls, where calls of it that follow each other are cheaper together. */
  methodTogether(message: Message): Method<C> | undefined {
    const method = message.kind === "call" ? this.#methods.get(message.method) : undefined;
    return method?.callTogether === undefined ? undefined : method;
  }

  /**
   * Answers messages that follow each other, in their order: one of any kind, or several that call one method which
   * {@link methodTogether} gives. Never throws.
   */
  async answerAll(
    messages: readonly Message[],
    context: C,
    options: DispatchOptions,
  ): Promise<readonly (string | undefined)[]> {
    const [first] = messages;
    if (first === undefined) return [];
    const method = this.methodTogether(first);
    return messages.length === 1 || method === undefined
      ? [await this.#answerMessage(first, context, options)]
      : this.#answerTogether(method, messages as readonly Call[], context, options);
  }

  async #answerTogether(
    method: Method<C>,
    calls: readonly Call[],
    context: C,
    options: DispatchOptions,
  ): Promise<readonly (string | undefined)[]> {
    const refused = new Map<Call, EverywireError>();
    for (const call of calls) {
      try {
        await options.admit?.(call.method);
      } catch (thrown) {
        refused.set(call, EverywireError.from(thrown));
      }
    }
    const admitted = calls.filter((call) => !refused.has(call));
    const outcomes = await callAll(method, admitted, context);
    return calls.map((call) => {
      const outcome = refused.get(call) ?? outcomes.get(call) ?? LACKING;
      const answer = this.#encode(call.id ?? null, outcome, options);
      return call.id === undefined ? undefined : answer;
    });
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
      const answer = await this.#answer(decodeCall(call), context, { ...options, admit });
      if (answer === undefined) continue;
      answers.push(answer);
      characters += answer.length;
    }
    return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
  }

  async #answer(call: Call | InvalidCall, context: C, options: DispatchOptions): Promise<string | undefined> {
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
      return this.#encode(id, EverywireError.from(thrown), options);
    }
  }

  #encode(id: Id, outcome: CallOutcome, { onFault }: DispatchOptions): string {
    if (!(outcome instanceof EverywireError)) return encodeResult(id, outcome.result);
    if (outcome.code === "internal") onFault(outcome);
    return encodeFailure(id, toRpcError(outcome));
  }
}

const LACKING = new EverywireError("internal", "There are fewer outcomes than calls.");

async function callAll<C>(
  method: Method<C>,
  calls: readonly Call[],
  context: C,
): Promise<ReadonlyMap<Call, CallOutcome>> {
  if (calls.length === 0) return new Map();
  try {
    const params = calls.map((call) => call.params);
    const outcomes = (await method.callTogether?.(context, params)) ?? [];
    return new Map(calls.map((call, index) => [call, outcomes[index] ?? LACKING]));
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    return new Map(calls.map((call) => [call, error]));
  }
}
