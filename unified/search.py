from django.contrib.postgres.search import SearchVector
from django.db.models.functions import Left

INDEXED_LENGTH = 200  # characters of a text that an index holds: an entry has no room for any that platforms may send


def word_vector(*fields: str) -> SearchVector:
    """Return the words of the fields as they are indexed: in lower case, of no language."""
    return SearchVector(*(Left(field, INDEXED_LENGTH) for field in fields), config="simple")
