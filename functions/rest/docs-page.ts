import { DOCS_STYLE } from "./docs-style.ts";
import type {
  HttpMethod,
  JsonSchema,
  OpenApiDocument,
  OperationObject,
  Parameter,
  ResponseOrReference,
} from "./openapi-types.ts";

const SHOWN_METHODS = ["get", "post", "put", "patch", "delete"] as const satisfies readonly HttpMethod[];

interface Entry {
  readonly method: HttpMethod;
  readonly path: string;
  readonly operation: OperationObject;
}

/**
 * Writes the OpenAPI document as a page. Version 1 is shown in full, and version 2 where it differs: in users.
 *
 * @param origin where the examples send their requests
 */
export function encodeDocsPage(document: OpenApiDocument, origin: string): string {
  const entries = listEntries(document);
  const sections = document.tags.map(({ name }) => ({
    name,
    entries: entries.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const navigation = sections
    .map(({ name, entries: own }) => `<h2>${escapeHtml(name)}</h2><ul>${own.map(encodeLink).join("")}</ul>`)
    .join("");
  const content = sections
    .map(({ name, entries: own }) => {
      const articles = own.map((entry) => encodeEntry(entry, document, origin)).join("");
      return `<section><h2>${escapeHtml(name)}</h2>${articles}</section>`;
    })
    .join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(document.info.title)} API</title><style>${DOCS_STYLE}</style></head>
<body><nav aria-label="Operations"><h1>${escapeHtml(document.info.title)}</h1>
<div>${escapeHtml(document.info.version)} · <a href="/openapi.json">openapi.json</a></div>${navigation}</nav>
<main><h1>REST API</h1>${encodeDescription(document.info.description)}
<h4>A token, where DEV_AUTH is on</h4><pre>${escapeHtml(tokenExample(origin))}</pre>${content}</main></body></html>`;
}

function listEntries(document: OpenApiDocument): Entry[] {
  return Object.entries(document.paths)
    .filter(
      ([path]) =>
        !path.startsWith("/api/") ||
        path.startsWith("/api/v1/") ||
        /^\/api\/v2\/users(\/\{id\})?$/.test(path),
    )
    .flatMap(([path, item]) =>
      SHOWN_METHODS.flatMap((method) => {
        const operation = item[method];
        return operation === undefined ? [] : [{ method, path, operation }];
      }),
    );
}

function encodeLink({ method, path, operation }: Entry): string {
  const version = path.startsWith("/api/v2/") ? " (v2)" : "";
  const label = `${operation.summary}${version}`;
  return `<li><a href="#${operation.operationId}" title="${method.toUpperCase()} ${escapeHtml(path)}">${escapeHtml(label)}</a></li>`;
}

function encodeEntry({ method, path, operation }: Entry, document: OpenApiDocument, origin: string): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  const body = schema === undefined ? "" : `<h4>Body</h4>${encodeFields(resolve(schema, document))}`;
  return `<article id="${operationId}"><header><h3><span class="method ${method}">${method.toUpperCase()}</span>${escapeHtml(path)}</h3>
<p>${escapeHtml(summary)}. ${escapeHtml(description)}</p></header><div class="body">
${parameters.length === 0 ? "" : `<h4>Parameters</h4>${encodeParameters(parameters)}`}${body}
<h4>Try it</h4><pre>${escapeHtml(curlExample(method, path, origin, schema && resolve(schema, document)))}</pre>
<details><summary>Answers</summary>${encodeResponses(responses, document)}</details></div></article>`;
}

function encodeParameters(parameters: readonly Parameter[]): string {
  const rows = parameters.map(
    ({ name, in: place, description }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${place}</td><td>${escapeHtml(description)}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

function encodeFields(schema: JsonSchema): string {
  const required = new Set((schema.required ?? []) as readonly string[]);
  const rows = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(
    ([name, property]) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(typeName(property))}</td><td>${required.has(name) ? "required" : "optional"}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

function encodeResponses(
  responses: Readonly<Record<string, ResponseOrReference>>,
  document: OpenApiDocument,
): string {
  const rows = Object.entries(responses).map(([status, response]) => {
    const { description } = "$ref" in response ? lookUp(document, response.$ref) : response;
    return `<tr><td><code>${status}</code></td><td>${escapeHtml(String(description))}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

function typeName(schema: JsonSchema): string {
  if (Array.isArray(schema.enum)) return schema.enum.join(" | ");
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map(typeName).join(" | ");
  if (schema.type === "array") return `list of ${typeName((schema.items ?? {}) as JsonSchema)}`;
  if (schema.type === "object" && schema.properties !== undefined) {
    return `{${Object.keys(schema.properties as object).join(", ")}}`;
  }
  return String(schema.format ?? schema.type ?? "any");
}

function resolve(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  return typeof schema.$ref === "string" ? lookUp(document, schema.$ref) : schema;
}

/** Follows a reference inside the document, such as `#/components/schemas/User`. */
function lookUp(document: OpenApiDocument, reference: string): JsonSchema {
  let found: unknown = document;
  for (const key of reference.split("/").slice(1)) found = (found as Record<string, unknown>)[key];
  return found as JsonSchema;
}

function tokenExample(origin: string): string {
  return `TOKEN=$(curl -s ${origin}/auth/token -H 'content-type: application/json' \\
  -d '{"name":"ada","roles":["admin"]}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`;
}

function curlExample(method: HttpMethod, path: string, origin: string, body: JsonSchema | undefined): string {
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}'${origin}${path}'`];
  if (path.startsWith("/api/")) lines.push(`-H "authorization: Bearer $TOKEN"`);
  if (body !== undefined) {
    const type = method === "patch" ? "application/merge-patch+json" : "application/json";
    lines.push(`-H 'content-type: ${type}'`, `-d '${JSON.stringify(exampleOf(body))}'`);
  }
  return lines.join(" \\\n  ");
}

/** A value that fits a schema well enough to be edited. */
function exampleOf(schema: JsonSchema, name = ""): unknown {
  const [choice] = (schema.anyOf ?? schema.enum ?? []) as readonly unknown[];
  if (choice !== undefined) return schema.enum === undefined ? exampleOf(choice as JsonSchema, name) : choice;
  switch (schema.type) {
    case "object": {
      const entries = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
      return Object.fromEntries(entries.map(([key, property]) => [key, exampleOf(property, key)]));
    }
    case "array":
      return [exampleOf((schema.items ?? {}) as JsonSchema, name)];
    case "integer":
      return 1;
    case "number":
      return 9.95;
    default:
      return schema.format === "email" ? "ada@example.org" : `a ${name || "text"}`;
  }
}

/** The little Markdown that the description has: paragraphs, a list, bold, code. */
function encodeDescription(text: string): string {
  return text
    .split("\n\n")
    .map((block) => {
      const html = escapeHtml(block)
        .replace(/\*\*(.+?)\*\*/g, "<b>$1</b>")
        .replace(/`(.+?)`/g, "<code>$1</code>");
      if (!html.startsWith("- ")) return `<p>${html}</p>`;
      const items = html.split("\n").map((item) => `<li>${item.slice(2)}</li>`);
      return `<ul>${items.join("")}</ul>`;
    })
    .join("");
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
