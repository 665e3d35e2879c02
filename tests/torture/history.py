"""What happened in one run: who published what, and what each consumer process did until its end."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Handling:
    """One line of a consumer's ledger."""
    number: int
    key: str
    attempt: int
    redelivered: bool
    at: int  # nanoseconds of the machine's steady clock


@dataclasses.dataclass
class Life:
    """One consumer process."""
    name: str
    handled: list
    end: str = 'drained'  # or 'killed'
    ended_at: int = 0  # when it was killed or told to stop
    exit_code: int = 0
    drain_seconds: float = 0.0


@dataclasses.dataclass
class History:
    published: dict  # number -> key; the numbers are the publish order
    confirmed: set
    not_persisted: set = dataclasses.field(default_factory=set)
    lives: list = dataclasses.field(default_factory=list)

    def in_time(self):
        """(index of the life, handling) in the order in which they happened, whichever process it was."""
        return sorted(((index, handling) for index, life in enumerate(self.lives) for handling in life.handled),
                      key=lambda entry: entry[1].at)
