"""Errors that a user can cause."""


class InputError(ValueError):
    """Something that the user gave cannot be used; the message is one sentence for the user."""
