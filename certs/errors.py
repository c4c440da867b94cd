"""Errors that a user can cause."""


class InputError(Exception):
    """What the user gave cannot be used; `sentences` say what was wrong, where, and what is accepted."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class LoginError(InputError):
    """The user of a kubeconfig gets no credentials, because their program fails."""
