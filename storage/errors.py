"""The one error a person sees: it names what is wrong, where, and the remedy."""

FAILED = 1
WRONG_CALL = 2


class NewsfoldError(Exception):
    """A failure that is explained in one line.

    `exit_code` is what the command line ends with: 1 the work failed, 2 the call was wrong.
    """

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
