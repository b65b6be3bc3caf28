import type {
  DocumentNode,
  ExecutionResult,
  FieldNode,
  GraphQLField,
  GraphQLOutputType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
} from "graphql";
import {
  getArgumentValues,
  getVariableValues,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  locatedError,
  OperationTypeNode,
} from "graphql";
import type { GraphqlContext } from "./context.ts";
import type { Variables } from "./query-limits.ts";

type Arguments = Readonly<Record<string, unknown>>;
/** Makes of what an operation gave what is answered. @throws NotPlain */
type Complete = (value: unknown) => unknown;

/** What has to be executed by the library after all, which says why. */
class NotPlain extends Error {}

/**
 * A query of one field, whose selection is read off the value that its resolver gives: most queries are such. How it is
 * read is found out once for a document; the library finds it out for each answer, field by field.
 */
export class PlainQuery {
  readonly #schema: GraphQLSchema;
  readonly #operation: OperationDefinitionNode;
  readonly #node: FieldNode;
  readonly #field: GraphQLField<unknown, unknown>;
  readonly #complete: Complete;
  /** The same each time, where there are no variables. */
  readonly #arguments: Arguments | undefined;

  /** @throws Error where a literal is not what an argument takes: a document that was validated has none such */
  private constructor(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    node: FieldNode,
    field: GraphQLField<unknown, unknown>,
    complete: Complete,
  ) {
    this.#schema = schema;
    this.#operation = operation;
    this.#node = node;
    this.#field = field;
    this.#complete = complete;
    const hasVariables = (operation.variableDefinitions ?? []).length > 0;
    this.#arguments = hasVariables ? undefined : getArgumentValues(field, node);
  }

  /** @param document it has been validated. Undefined where it asks for anything that is not plain. */
  static from(schema: GraphQLSchema, { definitions }: DocumentNode): PlainQuery | undefined {
    const [operation] = definitions;
    if (definitions.length !== 1 || operation?.kind !== Kind.OPERATION_DEFINITION) return undefined;
    if (operation.operation !== OperationTypeNode.QUERY || hasDirectives(operation)) return undefined;
    const [node] = operation.selectionSet.selections;
    if (operation.selectionSet.selections.length !== 1 || node?.kind !== Kind.FIELD || hasDirectives(node)) {
      return undefined;
    }
    const field = schema.getQueryType()?.getFields()[node.name.value];
    if (field?.resolve === undefined || isReserved(node)) return undefined;
    const complete = toCompletion(field.type, node.selectionSet);
    return complete && new PlainQuery(schema, operation, node, field, complete);
  }

  /** What the library's `execute` would give; undefined where only that can tell. A query may be executed again. */
  async execute(
    variables: Variables,
    operationName: string | undefined,
    context: GraphqlContext,
  ): Promise<ExecutionResult | undefined> {
    if (operationName !== undefined && operationName !== this.#operation.name?.value) return undefined;
    const args = this.#arguments ?? this.#toArguments(variables);
    if (args === undefined || this.#field.resolve === undefined) return undefined;
    const name = nameOf(this.#node);
    let value: unknown;
    try {
      // Our resolvers ask for nothing about the query. One that did would fail here, and be run by the library.
      value = await this.#field.resolve(undefined, args, context, undefined as never);
    } catch (thrown) {
      if (thrown instanceof TypeError || isNonNullType(this.#field.type)) return undefined;
      return { errors: [locatedError(thrown, this.#node, [name])], data: { [name]: null } };
    }
    try {
      return { data: { [name]: this.#complete(value) } };
    } catch {
      return undefined;
    }
  }

  #toArguments(variables: Variables): Arguments | undefined {
    const { coerced } = getVariableValues(
      this.#schema,
      this.#operation.variableDefinitions ?? [],
      variables ?? {},
    );
    if (coerced === undefined) return undefined;
    try {
      return getArgumentValues(this.#field, this.#node, coerced);
    } catch {
      return undefined;
    }
  }
}

/** Undefined where something else than the value decides what is answered. */
function toCompletion(type: GraphQLOutputType, selected: SelectionSetNode | undefined): Complete | undefined {
  if (isNonNullType(type)) {
    const complete = toCompletion(type.ofType, selected);
    return complete && ((value) => assertThere(complete(value)));
  }
  if (isListType(type)) {
    const complete = toCompletion(type.ofType, selected);
    return complete && orNull((value) => assertArray(value).map(complete));
  }
  if (isLeafType(type)) return orNull((value) => assertThere(type.serialize(value)));
  if (!isObjectType(type) || type.isTypeOf || selected === undefined) return undefined;
  const fields = new Map<string, readonly [source: string, complete: Complete]>();
  for (const node of selected.selections) {
    if (node.kind !== Kind.FIELD || hasDirectives(node) || isReserved(node)) return undefined;
    const field = type.getFields()[node.name.value];
    const complete = field && toCompletion(field.type, node.selectionSet);
    // Selected twice, it is put together from both.
    if (complete === undefined || field?.resolve !== undefined || fields.has(nameOf(node))) return undefined;
    fields.set(nameOf(node), [node.name.value, complete]);
  }
  const listed = Array.from(fields, ([name, [source, complete]]) => ({ name, source, complete }));
  return orNull((value) => {
    const members = assertMembers(value);
    const answer: Record<string, unknown> = {};
    for (const { name, source, complete } of listed) answer[name] = complete(members[source]);
    return answer;
  });
}

function orNull(complete: Complete): Complete {
  return (value) => (value === undefined || value === null ? null : complete(value));
}

function assertThere(value: unknown): unknown {
  if (value === undefined || value === null) throw new NotPlain();
  return value;
}

function assertArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new NotPlain();
  return value;
}

function assertMembers(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value instanceof Error) throw new NotPlain();
  return value as Readonly<Record<string, unknown>>;
}

function hasDirectives({ directives = [] }: FieldNode | OperationDefinitionNode): boolean {
  return directives.length > 0;
}

/** `__typename` and its like; and `__proto__`, as an alias, is no member like others. */
function isReserved(node: FieldNode): boolean {
  return node.name.value.startsWith("__") || nameOf(node).startsWith("__");
}

function nameOf({ alias, name }: FieldNode): string {
  return (alias ?? name).value;
}
