"""What happened in one run: who published what, and what each consumer process did until its end."""
import dataclasses

CORRUPT = -1


@dataclasses.dataclass(frozen=True)
class Handling:
    """One line of a consumer's ledger."""
    number: int
    key: str
    attempt: int
    redelivered: bool
    at: int  # nanoseconds of the machine's steady clock


@dataclasses.dataclass(frozen=True)
class Answer:
    """One line of a producer's ledger; times in microseconds."""
    how: str
    number: int
    key: str
    begin: int = 0  # of the machine's steady clock
    took: int = 0
    deadline: int = 30_000_000
    partition: int = -1
    position: int = -1


@dataclasses.dataclass
class Answers:
    """How the publishes of one or several processes ended; by the way they did: number -> answer."""
    invoked: int = None  # what the process says at its end; nothing when it did not get there
    confirmed: dict = dataclasses.field(default_factory=dict)
    unknown: dict = dataclasses.field(default_factory=dict)
    not_persisted: dict = dataclasses.field(default_factory=dict)
    unroutable: dict = dataclasses.field(default_factory=dict)
    twice: list = dataclasses.field(default_factory=list)

    def add(self, answer):
        if any(answer.number in ended for ended in self.by_end().values()):
            self.twice.append(answer.number)
        self.by_end()[answer.how][answer.number] = answer

    def by_end(self):
        return {'confirmed': self.confirmed, 'unknown': self.unknown, 'not_persisted': self.not_persisted,
                'unroutable': self.unroutable}

    def every(self):
        return [answer for ended in self.by_end().values() for answer in ended.values()]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What was done to the brokers or to the connections between them and the library, and when."""
    kind: str
    begin: int  # nanoseconds of the machine's steady clock
    end: int
    cuts: bool = True  # connections may break by it


@dataclasses.dataclass(frozen=True)
class Sample:
    """What a process held at a moment."""
    at: int
    rss_kib: int
    fds: int
    threads: int


@dataclasses.dataclass
class Life:
    """One consumer process."""
    name: str
    handled: list
    end: str = 'drained'  # or 'killed'
    ended_at: int = 0  # when it was killed or told to stop
    exit_code: int = 0
    drain_seconds: float = 0.0
    began_at: int = 0


@dataclasses.dataclass
class History:
    """The whole run. A handling whose number is CORRUPT had a payload that nobody published."""
    published: dict  # number -> key; the numbers are the publish order
    confirmed: set
    not_persisted: set = dataclasses.field(default_factory=set)
    lives: list = dataclasses.field(default_factory=list)

    def in_time(self):
        """(index of the life, handling) in the order in which they happened, whichever process it was."""
        return sorted(((index, handling) for index, life in enumerate(self.lives) for handling in life.handled),
                      key=lambda entry: entry[1].at)
