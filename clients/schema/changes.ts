/** Which changes of a schema break clients that were made for the one before. */
import {
  type GraphQLSchema,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  getNamedType,
  isEnumType,
  isInterfaceType,
  isObjectType,
} from "graphql";

export const GROWS = "New values may be added";

/** Sentences; none if every client of `released` works with `current`. */
export function breaks(released: GraphQLSchema, current: GraphQLSchema): string[] {
  const returned = returnedTypes(released);
  const surprises = findDangerousChanges(released, current).filter(({ type, description }) => {
    // graphql-js says only in words which enum it was: `VALUE was added to enum type NAME.`
    const name = /enum type (\w+)/.exec(description)?.[1] ?? "";
    if (type === DangerousChangeType.VALUE_ADDED_TO_ENUM) return returned.has(name) && !grows(released, name);
    return type === DangerousChangeType.TYPE_ADDED_TO_UNION || type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE;
  });
  return [...findBreakingChanges(released, current), ...surprises].map(({ description }) => description);
}

/** Whether clients were told to expect other values. */
function grows(schema: GraphQLSchema, name: string): boolean {
  const type = schema.getType(name);
  return isEnumType(type) && (type.description ?? "").replaceAll(/\s+/g, " ").includes(GROWS);
}

/** The names of the types that answers have. Values of others are only sent by clients. */
function returnedTypes(schema: GraphQLSchema): Set<string> {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) || isInterfaceType(type));
  return new Set(types.flatMap((type) => Object.values(type.getFields()).map((field) => getNamedType(field.type).name)));
}
