"""A destination that is deleted and made again while it is in use. What it held is gone, and nobody is blamed for that;
but those who use it must notice, end every publish in time, and go on."""
import socket
import struct
import time
import urllib.parse

import checker
import ledger
import liveness
import members
import processes
import scenarios
import truth

PROCESS, RATE, KEYS = 90, 20, 5
BACK_SECONDS = 120  # until what is published when everything has healed is handled
DELETE_TOPICS, VERSION = 20, 1


def delete_topic(address, topic, seconds=10):
    """Asks a Kafka broker, which asks its controller; kcat cannot do it."""
    def text(value):
        return struct.pack('>h', len(value)) + value.encode()
    body = struct.pack('>hhi', DELETE_TOPICS, VERSION, 1) + text('torture') + struct.pack('>i', 1) + text(topic)
    body += struct.pack('>i', seconds * 1000)
    host, port = address.rsplit(':', 1)
    with socket.create_connection((host, int(port)), seconds) as connection:
        connection.sendall(struct.pack('>i', len(body)) + body)
        answer = b''
        while len(answer) < 4 or len(answer) < 4 + struct.unpack('>i', answer[:4])[0]:
            more = connection.recv(4096)
            if not more:
                raise processes.Stuck(f'deleting the topic {topic}: no answer')
            answer += more
    error = struct.unpack('>h', answer[-2:])[0]
    if error:
        raise processes.Stuck(f'deleting the topic {topic}: error {error}')


class Doomed:
    def __init__(self, scenario, setting, run_id):
        self.setting, self.deleted = setting, 0
        setting.declare()
        if setting.broker == 'kafka':
            truth.wait_for_leaders(setting)
        self.producer = scenario.add(members.LoadProducer(setting, PROCESS, KEYS, RATE, run_id))
        self.consumer = scenario.add(processes.Consumer(setting, 'doomed-consumer', run=run_id,
                                                        drain_seconds=members.DRAIN_SECONDS))

    def delete(self, seconds):
        """And makes it again after so many seconds."""
        if self.setting.broker == 'kafka':
            address = urllib.parse.urlsplit(self.setting.direct_url).netloc.split(',')[0]
            delete_topic(address, self.setting.destination)
        else:
            with truth.connect(self.setting) as connection:
                for queue in truth.queues(self.setting, self.setting.group):
                    connection.channel().queue_delete(queue)
        time.sleep(seconds)
        self.setting.declare()
        self.deleted += 1

    def check_alive(self):
        self.producer.check_alive()
        self.consumer.check_alive()

    def is_back(self, since):
        """Something that was published after that time was handled."""
        begins = {answer.number: answer.begin * 1000 for answer in ledger.read_answers(self.producer.ledger).every()}
        return any(begins.get(handling.number, 0) > since
                   for handling in ledger.read_handlings(self.consumer.ledger))

    def finish(self, verdict):
        begin, healed, violations = time.monotonic(), time.monotonic_ns(), []
        while not self.is_back(healed) and time.monotonic() - begin < BACK_SECONDS:
            self.check_alive()
            time.sleep(0.1)
        if not self.is_back(healed):
            violations.append(f'{BACK_SECONDS} s after everything healed, nothing of it was handled again')
        verdict.figures['seconds until it was handled again'] = round(time.monotonic() - begin, 1)
        self.producer.process.terminate()
        self.producer.process.wait(members.CLOSE_SECONDS + 30)
        answers = ledger.read_answers(self.producer.ledger)
        self.consumer.terminate(members.DRAIN_SECONDS + members.DRAIN_GRACE_SECONDS)
        life = self.consumer.life
        own, run = checker.Verdict(), scenarios.history_of(answers, [life])
        run.confirmed = set()  # it may be gone
        checker.judge_delivery(run, own)
        checker.judge_ends(run, checker.Limits(0, 0, 0, members.DRAIN_SECONDS + members.DRAIN_GRACE_SECONDS), own)
        liveness.judge_answers([answers], own)
        verdict.figures['destination deleted and made again'] = self.deleted
        verdict.figures['of its messages confirmed, handled'] = [len(answers.confirmed), len(life.handled)]
        verdict.violations += [f'deleted destination: {text}' for text in [*violations, *own.violations]]
