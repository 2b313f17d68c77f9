"""A client of Docent's public API. `Docent.api` has a method for each operation in `operations`."""

from .docent import Docent, InputError, LAST_KINDS

__all__ = ["LAST_KINDS", "Docent", "InputError"]
