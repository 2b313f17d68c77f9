"""One kind of work each: Docent beside its peers."""
