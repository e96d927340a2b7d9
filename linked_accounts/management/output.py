from django.core.exceptions import ValidationError


def in_words(error: ValidationError) -> str:
    """Return what is wrong for people at a terminal, a line for each problem."""
    return "\n".join(f"{field}: {text}" for field, texts in error.message_dict.items() for text in texts)
