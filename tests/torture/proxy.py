"""The TCP fault proxy between the library and a broker (torture_proxy.cpp)."""
import dataclasses
import subprocess
import threading


@dataclasses.dataclass(frozen=True)
class Reply:
    touched: int  # connections that the command concerned
    open: int
    cut: int  # so far


class Proxy:
    """`routes` are pairs of ports: where it listens, and whom it speaks to. Thread-safe."""

    def __init__(self, program, routes):
        words = [program, *(f'{listen}={target}' for listen, target in routes)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()
        if self.process.stdout.readline() != 'ready\n':
            raise RuntimeError(f'the proxy did not start: {" ".join(words)}')

    def tell(self, *words):
        with self.lock:
            self.process.stdin.write(' '.join(map(str, words)) + '\n')
            self.process.stdin.flush()
            word, *numbers = self.process.stdout.readline().split()
        if word != 'ok':
            raise ValueError(f'the proxy does not know {words}')
        return Reply(*map(int, numbers))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)
