import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ERROR_CODES, ERROR_TABLE, EverywireError } from "../../core/error.ts";
import { Dispatcher } from "../../functions/json-rpc/dispatcher.ts";
import type { Method } from "../../functions/json-rpc/method.ts";
import { defineMethod } from "../../functions/json-rpc/method.ts";

const faults: EverywireError[] = [];
const options = {
  maxBatch: 100,
  maxAnswerCharacters: 1000,
  onFault: (fault: EverywireError) => faults.push(fault),
};
const dispatch = async (
  methods: readonly Method<undefined>[],
  text: string | undefined,
  more: object = {},
) => {
  const answer = await new Dispatcher(methods).dispatch(text, undefined, { ...options, ...more });
  return answer === undefined ? undefined : (JSON.parse(answer) as unknown);
};

/** The methods that the examples of the specification call (JSON-RPC 2.0 §7). */
const seen: string[] = [];
const numbers = z.array(z.number());
const SAMPLE: readonly Method<undefined>[] = [
  defineMethod({
    name: "subtract",
    summary: "",
    params: z.strictObject({ minuend: z.number(), subtrahend: z.number() }),
    result: z.number(),
    run: (_: undefined, { minuend, subtrahend }) => minuend - subtrahend,
  }),
  defineMethod({
    name: "sum",
    summary: "",
    params: numbers,
    result: z.number(),
    run: (_: undefined, values) => values.reduce((total, value) => total + value, 0),
  }),
  ...["update", "notify_hello", "notify_sum"].map((name) =>
    defineMethod({
      name,
      summary: "",
      params: numbers,
      result: z.null(),
      run: (_: undefined, values) => void seen.push(`${name} ${values}`),
    }),
  ),
  defineMethod({
    name: "get_data",
    summary: "",
    params: z.strictObject({}),
    result: z.tuple([z.string(), z.int()]),
    run: () => ["hello", 5],
  }),
];

const INVALID = { jsonrpc: "2.0", error: { code: -32600, message: "Invalid Request" }, id: null };
const PARSE = { jsonrpc: "2.0", error: { code: -32700, message: "Parse error" }, id: null };

describe("the examples of the specification", () => {
  it.each<[string, string, unknown]>([
    [
      "positional parameters",
      '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
      { jsonrpc: "2.0", result: 19, id: 1 },
    ],
    [
      "positional parameters, the other way round",
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      { jsonrpc: "2.0", result: -19, id: 2 },
    ],
    [
      "named parameters",
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      { jsonrpc: "2.0", result: 19, id: 3 },
    ],
    [
      "named parameters in another order",
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      { jsonrpc: "2.0", result: 19, id: 4 },
    ],
    ["a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
    ["a notification of a method that there is not", '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
    [
      "a method that there is not",
      '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
      { jsonrpc: "2.0", error: { code: -32601, message: "Method not found" }, id: "1" },
    ],
    ["invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE],
    ["an invalid request object", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID],
    [
      "a batch of invalid JSON",
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
      PARSE,
    ],
    ["an empty batch", "[]", INVALID],
    ["an invalid batch that is not empty", "[1]", [INVALID]],
    ["an invalid batch", "[1,2,3]", [INVALID, INVALID, INVALID]],
    [
      "a batch",
      `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
      ]`,
      [
        { jsonrpc: "2.0", result: 7, id: "1" },
        { jsonrpc: "2.0", result: 19, id: "2" },
        INVALID,
        { jsonrpc: "2.0", error: { code: -32601, message: "Method not found" }, id: "5" },
        { jsonrpc: "2.0", result: ["hello", 5], id: "9" },
      ],
    ],
    [
      "a batch of notifications",
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
      undefined,
    ],
  ])("%s", async (_name, request, response) => {
    expect(await dispatch(SAMPLE, request)).toEqual(response);
  });

  it("run the notifications too", () => {
    expect(seen).toEqual(["update 1,2,3,4,5", "notify_hello 7", "notify_sum 1,2,4", "notify_hello 7"]);
  });
});

describe("a request object", () => {
  it.each<[string, string]>([
    ["another version", '{"jsonrpc":"1.0","method":"get_data","id":1}'],
    ["no version", '{"method":"get_data","id":1}'],
    ["params that are text", '{"jsonrpc":"2.0","method":"get_data","params":"x","id":1}'],
    ["params that are null", '{"jsonrpc":"2.0","method":"get_data","params":null,"id":1}'],
    ["no method", '{"jsonrpc":"2.0","id":1}'],
  ])("with %s is invalid, and answered with its id", async (_name, request) => {
    expect(await dispatch(SAMPLE, request)).toEqual({ ...INVALID, id: 1 });
  });

  it.each(["{}", "[]", "true"])(
    "with the id %s is invalid, and has no id to be answered with",
    async (id) => {
      expect(await dispatch(SAMPLE, `{"jsonrpc":"2.0","method":"get_data","id":${id}}`)).toEqual(INVALID);
    },
  );

  it.each([null, 0, -1.5, "", "é", 2 ** 53 - 1])("with the id %j is answered with it", async (id) => {
    const request = JSON.stringify({ jsonrpc: "2.0", method: "get_data", id });
    expect(await dispatch(SAMPLE, request)).toMatchObject({ id, result: ["hello", 5] });
  });

  it.each(["null", '"x"', "1", "true"])("that is %s is invalid", async (text) => {
    expect(await dispatch(SAMPLE, text)).toEqual(INVALID);
  });

  it.each([undefined, "", " ", "{", "\u0000"])("that is no JSON, %j, is a parse error", async (text) => {
    expect(await dispatch(SAMPLE, text)).toEqual(PARSE);
  });
});

describe("parameters", () => {
  it.each<[string, string]>([
    ["too many", "[1,2,3]"],
    ["too few", "[1]"],
    ["of the wrong type", '["1",2]'],
    ["of a name that there is not", '{"minuend":1,"subtrahend":2,"x":3}'],
    ["named __proto__", '{"__proto__":{"minuend":1,"subtrahend":2}}'],
  ])("that are %s are -32602", async (_name, params) => {
    const request = `{"jsonrpc":"2.0","method":"subtract","params":${params},"id":1}`;
    expect(await dispatch(SAMPLE, request)).toMatchObject({
      error: { code: -32602, data: { code: "invalid_argument" } },
      id: 1,
    });
  });
});

describe("errors", () => {
  const failing = (thrown: unknown) => [
    defineMethod({
      name: "fail",
      summary: "",
      params: z.strictObject({}),
      result: z.null(),
      run: () => {
        throw thrown;
      },
    }),
  ];
  const CALL = '{"jsonrpc":"2.0","method":"fail","id":1}';

  it.each(ERROR_CODES)("of ours have the number of the table, and %s by name", async (code) => {
    const error = new EverywireError(code, "told", { details: { a: ["b"] }, retryAfterMs: 5 });
    expect(await dispatch(failing(error), CALL)).toEqual({
      jsonrpc: "2.0",
      error: {
        code: ERROR_TABLE[code].jsonRpc,
        message: "told",
        data: { code, details: { a: ["b"] }, retryAfterMs: 5 },
      },
      id: 1,
    });
  });

  it("that nobody expected say nothing of what is inside", async () => {
    const answer = await dispatch(failing(new Error("secret")), CALL);
    expect(answer).toMatchObject({ error: { code: -32603, data: { code: "internal" } } });
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(faults.at(-1)?.cause).toMatchObject({ message: "secret" });
  });
});

describe("a batch", () => {
  const call = '{"jsonrpc":"2.0","method":"get_data","id":1}';

  it("over the limit is refused whole", async () => {
    const batch = `[${Array(101).fill(call).join(",")}]`;
    expect(await dispatch(SAMPLE, batch)).toMatchObject({ error: { code: -32013 }, id: null });
    expect(
      await dispatch(SAMPLE, `[${Array(100).fill(call).join(",")}]`, { maxAnswerCharacters: 1e6 }),
    ).toHaveLength(100);
  });

  it("whose answer gets too long runs no more of its calls", async () => {
    const answers = (await dispatch(SAMPLE, `[${Array(50).fill(call).join(",")}]`, {
      maxAnswerCharacters: 200,
    })) as {
      result?: unknown;
      error?: { code: number };
    }[];
    expect(answers).toHaveLength(50);
    expect(answers.findIndex(({ error }) => error?.code === -32013)).toBeGreaterThan(1);
    expect(answers.at(-1)?.result).toBeUndefined();
  });

  it("asks before each call whether it may run", async () => {
    let left = 2;
    const admit = () => {
      left -= 1;
      if (left < 0) throw new EverywireError("rate_limited", "enough", { retryAfterMs: 7 });
    };
    const answers = await dispatch(SAMPLE, `[${call},${call},${call}]`, { admit });
    expect(answers).toMatchObject([
      { id: 1, result: ["hello", 5] },
      { id: 1, result: ["hello", 5] },
      { id: 1, error: { code: -32029, data: { retryAfterMs: 7 } } },
    ]);
  });
});
