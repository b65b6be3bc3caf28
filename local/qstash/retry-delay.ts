import { badRequest } from "./problem.ts";

/** A delay between retries as its publisher wrote it (`Upstash-Retry-Delay`), read and ready to be computed. */
export interface RetryDelay {
  readonly expression: string;
  /** @param retried how often the message was sent again before; 0 at the first retry. @returns milliseconds */
  evaluate(retried: number): number;
}

type Term = (retried: number) => number;

const MAX_CHARS = 256;

/** Each with how many values it takes, least and most. */
const FUNCTIONS: Readonly<Record<string, readonly [number, number, (...values: number[]) => number]>> = {
  pow: [2, 2, Math.pow],
  exp: [1, 1, Math.exp],
  sqrt: [1, 1, Math.sqrt],
  abs: [1, 1, Math.abs],
  floor: [1, 1, Math.floor],
  ceil: [1, 1, Math.ceil],
  round: [1, 1, Math.round],
  min: [1, 16, Math.min],
  max: [1, 16, Math.max],
};

/**
 * Reads an expression of numbers, `retried`, `+ - * /`, parentheses and QStash's functions.
 *
 * @throws QstashProblem 400 where it is anything else
 * @example parseRetryDelay("1000 * (1 + retried)").evaluate(2) // 3000
 */
export function parseRetryDelay(expression: string): RetryDelay {
  const reader = new Reader(expression);
  const term = reader.readSum();
  reader.expectEnd();
  return { expression, evaluate: (retried) => term(retried) };
}

class Reader {
  readonly #expression: string;
  readonly #tokens: readonly string[];
  #position = 0;

  constructor(expression: string) {
    this.#expression = expression;
    if (expression.length > MAX_CHARS)
      throw badRequest(`Upstash-Retry-Delay is longer than ${MAX_CHARS} characters`);
    // What no token fits becomes a token of its own, and is refused by whoever reads it.
    this.#tokens = expression.match(/\d+(?:\.\d+)?|[a-z]+|\S/g) ?? [];
  }

  readSum(): Term {
    return this.#readChain(() => this.#readProduct(), {
      "+": (left, right) => (retried) => left(retried) + right(retried),
      "-": (left, right) => (retried) => left(retried) - right(retried),
    });
  }

  expectEnd(): void {
    if (this.#position < this.#tokens.length) throw this.#unexpected();
  }

  #readProduct(): Term {
    return this.#readChain(() => this.#readFactor(), {
      "*": (left, right) => (retried) => left(retried) * right(retried),
      "/": (left, right) => (retried) => left(retried) / right(retried),
    });
  }

  #readChain(next: () => Term, operators: Readonly<Record<string, (left: Term, right: Term) => Term>>): Term {
    let term = next();
    for (let join = operators[this.#peek()]; join !== undefined; join = operators[this.#peek()]) {
      this.#position += 1;
      term = join(term, next());
    }
    return term;
  }

  #readFactor(): Term {
    const token = this.#peek();
    this.#position += 1;
    if (token === "-") {
      const term = this.#readFactor();
      return (retried) => -term(retried);
    }
    if (token === "(") {
      const term = this.readSum();
      this.#expect(")");
      return term;
    }
    if (token === "retried") return (retried) => retried;
    if (/^\d/.test(token)) {
      const value = Number(token);
      return () => value;
    }
    const found = Object.hasOwn(FUNCTIONS, token) ? FUNCTIONS[token] : undefined;
    if (found !== undefined) return this.#readCall(token, ...found);
    this.#position -= 1;
    throw this.#unexpected();
  }

  #readCall(name: string, least: number, most: number, compute: (...values: number[]) => number): Term {
    this.#expect("(");
    const values = [this.readSum()];
    while (this.#peek() === ",") {
      this.#position += 1;
      values.push(this.readSum());
    }
    this.#expect(")");
    if (values.length < least || values.length > most) {
      throw badRequest(`Upstash-Retry-Delay: ${name} does not take ${values.length} values`);
    }
    return (retried) => compute(...values.map((value) => value(retried)));
  }

  #peek(): string {
    return this.#tokens[this.#position] ?? "";
  }

  #expect(token: string): void {
    if (this.#peek() !== token) throw this.#unexpected();
    this.#position += 1;
  }

  #unexpected() {
    const token = this.#peek();
    const what = token === "" ? "ends too early" : `has "${token}" where that cannot be`;
    return badRequest(`Upstash-Retry-Delay "${this.#expression}" ${what}`);
  }
}
