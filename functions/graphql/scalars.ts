import type { ValueNode } from "graphql";
import { GraphQLError, GraphQLScalarType, Kind } from "graphql";

/** Any JSON value; written in a document, it may have variables in it. */
export const JSON_SCALAR = new GraphQLScalarType<unknown, unknown>({
  name: "JSON",
  description: "Any JSON value.",
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => toJson(node, variables ?? {}),
});

/** A file; only a multipart request can carry one. */
export const UPLOAD_SCALAR = new GraphQLScalarType<Blob, never>({
  name: "Upload",
  description: "A file of a multipart request (GraphQL multipart request specification).",
  serialize: () => {
    throw new GraphQLError("A file is only sent, never given back.");
  },
  parseValue: (value) => {
    if (value instanceof Blob) return value;
    throw new GraphQLError("A file is sent by a multipart request.");
  },
  parseLiteral: () => {
    throw new GraphQLError("A file is sent as a variable of a multipart request.");
  },
});

/** Recursion is as deep as the document, which is bounded by MAX_QUERY_TOKENS. */
function toJson(node: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((value) => toJson(value, variables));
    case Kind.OBJECT:
      // fromEntries defines properties rather than assigning them, so `__proto__` is a name like any other.
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, toJson(value, variables)]));
    case Kind.VARIABLE:
      return variables[node.name.value];
    default:
      return node.value;
  }
}
