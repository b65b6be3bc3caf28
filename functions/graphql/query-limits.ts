import type {
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  SelectionSetNode,
} from "graphql";
import { getNamedType, getNullableType, isCompositeType, isListType, isObjectType, Kind } from "graphql";
import { EverywireError } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import { MAX_PAGE_SIZE } from "../boundary/list-query.ts";

export type Variables = Readonly<Record<string, unknown>> | undefined;

interface Size {
  /** Fields inside fields. */
  readonly depth: number;
  /** Objects, with each list as long as it may become. */
  readonly cost: number;
}

/** How many objects a list is counted as that takes no `limit`, such as the items of an order. */
const UNBOUNDED_LIST_LENGTH = 10;
const NOTHING: Size = { depth: 0, cost: 0 };

/**
 * Refuses a document that is too deep, has too many aliases, or asks for too many objects, before it is validated.
 *
 * It takes time in proportion to the document: a fragment is measured once, however often it is used. What is wrong
 * with the document otherwise (unknown fields, fragments that use each other) is counted as nothing and left to the
 * validation. Introspection has a rule of its own there, and counts as one level.
 *
 * @throws EverywireError `invalid_argument`
 */
export function assertWithinLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Variables,
  limits: Limits,
): void {
  const measure = new Measure(schema, document, variables);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const type = schema.getRootType(definition.operation);
    const { depth, cost } = measure.sizeOf(definition.selectionSet, type?.name ?? "");
    if (depth > limits.MAX_QUERY_DEPTH) throw exceeded("is", depth, "levels deep", limits.MAX_QUERY_DEPTH);
    if (cost > limits.MAX_QUERY_COST) {
      throw exceeded("asks for up to", cost, "objects (smaller 'limit's help)", limits.MAX_QUERY_COST);
    }
  }
  if (measure.aliases > limits.MAX_QUERY_ALIASES) {
    throw exceeded("has", measure.aliases, "aliases", limits.MAX_QUERY_ALIASES);
  }
}

class Measure {
  aliases = 0;
  readonly #schema: GraphQLSchema;
  readonly #variables: Variables;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  readonly #sizes = new Map<string, Size>();

  constructor(schema: GraphQLSchema, document: DocumentNode, variables: Variables) {
    this.#schema = schema;
    this.#variables = variables;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION)
        this.#fragments.set(definition.name.value, definition);
    }
  }

  sizeOf(selectionSet: SelectionSetNode, typeName: string): Size {
    let depth = 0;
    let cost = 0;
    for (const selection of selectionSet.selections) {
      let size: Size;
      if (selection.kind === Kind.FIELD) size = this.#sizeOfField(selection, typeName);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) size = this.#sizeOfFragment(selection.name.value);
      else size = this.sizeOf(selection.selectionSet, selection.typeCondition?.name.value ?? typeName);
      depth = Math.max(depth, size.depth);
      cost += size.cost;
    }
    return { depth, cost };
  }

  #sizeOfField(field: FieldNode, typeName: string): Size {
    if (field.alias !== undefined) this.aliases += 1;
    const parent = this.#schema.getType(typeName);
    const definition = isObjectType(parent) ? parent.getFields()[field.name.value] : undefined;
    if (field.name.value.startsWith("__")) return { depth: 1, cost: 1 };
    const type = definition === undefined ? undefined : getNamedType(definition.type);
    const inner =
      field.selectionSet === undefined ? NOTHING : this.sizeOf(field.selectionSet, type?.name ?? "");
    const depth = 1 + inner.depth;
    if (definition === undefined || !isCompositeType(type)) return { depth, cost: inner.cost };
    const isList = isListType(getNullableType(definition.type));
    const length = isList ? this.#lengthOf(field, definition.args) : 1;
    return { depth, cost: length * (1 + inner.cost) };
  }

  #sizeOfFragment(name: string): Size {
    const known = this.#sizes.get(name);
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return NOTHING;
    // What it is taken for while it is measured, should it come to use itself.
    this.#sizes.set(name, NOTHING);
    const size = this.sizeOf(fragment.selectionSet, fragment.typeCondition.name.value);
    this.#sizes.set(name, size);
    return size;
  }

  /** How long a list may become: its `limit`, where it takes one. */
  #lengthOf(
    field: FieldNode,
    parameters: readonly { readonly name: string; readonly defaultValue?: unknown }[],
  ): number {
    const parameter = parameters.find(({ name }) => name === "limit");
    if (parameter === undefined) return UNBOUNDED_LIST_LENGTH;
    const value = field.arguments?.find(({ name }) => name.value === "limit")?.value;
    let asked: unknown = parameter.defaultValue;
    if (value?.kind === Kind.INT) asked = Number(value.value);
    // A variable that was left out takes its own default, which is no cheaper to look up than the maximum is to take.
    if (value?.kind === Kind.VARIABLE) asked = this.#variables?.[value.name.value] ?? MAX_PAGE_SIZE;
    return typeof asked === "number" ? Math.min(Math.max(asked, 1), MAX_PAGE_SIZE) : MAX_PAGE_SIZE;
  }
}

function exceeded(verb: string, size: number, unit: string, limit: number): EverywireError {
  return new EverywireError(
    "invalid_argument",
    `The operation ${verb} ${size} ${unit}; at most ${limit} are allowed.`,
  );
}
