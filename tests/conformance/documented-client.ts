import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import type {
  OpenApiDocument,
  OperationObject,
  PathItem,
  ResponseObject,
} from "../../functions/rest/openapi-types.ts";
import type { Target } from "./door-driver.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is whatever it is; the document is its type
  readonly json: any;
}

export interface Call {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is a string already. */
  readonly body?: unknown;
}

/** Calls the API, and holds every single answer to the document: its status, its media type and its body. */
export class DocumentedClient {
  readonly #target: Target;
  readonly #document: OpenApiDocument;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });

  private constructor(target: Target, document: OpenApiDocument) {
    this.#target = target;
    this.#document = document;
    this.#ajv.addSchema({ $id: "everywire:api", components: document.components });
  }

  static async create(target: Target): Promise<DocumentedClient> {
    const response = await fetch(`${target.url}/openapi.json`);
    return new DocumentedClient(target, (await response.json()) as OpenApiDocument);
  }

  as(target: Target): DocumentedClient {
    return new DocumentedClient(target, this.#document);
  }

  async call(method: string, path: string, { headers = {}, body }: Call = {}): Promise<Answer> {
    const response = await fetch(this.#target.url + path, {
      method,
      headers: {
        ...(this.#target.token === undefined ? {} : { authorization: `Bearer ${this.#target.token}` }),
        ...(body === undefined
          ? {}
          : { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const json = type.endsWith("json") && text !== "" ? JSON.parse(text) : undefined;
    const answer = { status: response.status, headers: response.headers, text, json };
    // Another method than those of a path is in no operation; the document says so in its description.
    if (response.status !== 405) this.#assertDocumented(method, path, type, answer);
    return answer;
  }

  #assertDocumented(method: string, path: string, type: string, answer: Answer): void {
    const operation = this.#findOperation(method, path.split("?", 1)[0] ?? "");
    // What is at no path of the document is not found, and nothing else.
    if (operation === undefined) {
      expect(answer.status).toBe(404);
      return;
    }
    const response = this.#resolve(operation.responses[String(answer.status)]);
    const where = `${method} ${path} -> ${answer.status} ${type}`;
    expect(response, `${where} is documented`).toBeDefined();
    if (method === "HEAD" || answer.text === "") return;
    const content = response?.content?.[type];
    expect(content, `${where} has its media type documented`).toBeDefined();
    const schema = JSON.parse(
      JSON.stringify(content?.schema).replaceAll('"#/', '"everywire:api#/'),
    ) as object;
    const isValid = this.#ajv.validate(schema, answer.json ?? answer.text);
    expect(isValid, `${where}: ${this.#ajv.errorsText()}\n${answer.text}`).toBe(true);
  }

  #findOperation(method: string, path: string): OperationObject | undefined {
    for (const [template, item] of Object.entries(this.#document.paths)) {
      const pattern = new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`);
      if (pattern.test(path)) return (item as PathItem)[method.toLowerCase() as keyof PathItem];
    }
    return undefined;
  }

  #resolve(response: OperationObject["responses"][string] | undefined): ResponseObject | undefined {
    if (response === undefined || !("$ref" in response)) return response;
    return this.#document.components.responses[response.$ref.split("/").at(-1) ?? ""];
  }
}
