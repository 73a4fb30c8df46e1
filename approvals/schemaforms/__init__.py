"""JSON Schema or Pydantic model -> Django form -> validated JSON.

Three stages: a schema becomes shapes (schema, shapes, hints), shapes and a document become a tree of nodes and
Django fields (compiling), and what was typed becomes JSON that the model or schema has accepted (form, authority).

What an empty control means: null where the schema allows null, otherwise its key is left out; a required place
must be filled, and so must one that would fall back to a default when left out (text becomes "").
"""

from .changes import Change
from .form import Problem, SchemaForm, schema_form
from .schema import SchemaNotSupported
from .uploads import FileRefused, Shelf, StoredFile

__all__ = [
    "Change",
    "FileRefused",
    "Problem",
    "SchemaForm",
    "SchemaNotSupported",
    "Shelf",
    "StoredFile",
    "schema_form",
]
