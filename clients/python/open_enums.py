"""A plugin of ariadne-codegen: values that a later server adds to an enum become members of their own.

Without it, an answer with such a value can't be read at all.
"""

import ast

from ariadne_codegen.plugins.base import Plugin
from graphql import GraphQLEnumType

METHOD = """
@classmethod
def _missing_(cls, value: object) -> "{name}":
    member = str.__new__(cls, value)
    member._name_ = member._value_ = str(value)
    return member
"""


class OpenEnums(Plugin):
    def generate_enum(self, class_def: ast.ClassDef, enum_type: GraphQLEnumType) -> ast.ClassDef:
        class_def.body.extend(ast.parse(METHOD.format(name=enum_type.name)).body)
        return class_def
