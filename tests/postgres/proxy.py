"""A TCP proxy that stands between Windrow and a PostgreSQL and spoils things:
it cuts, stops or delays what passes, at bytes or at messages of one's choice.
"""

import random
import select
import socket
import struct
import threading
import time

CHUNK = 16384


class Plan:
    """What happens to one connection; by itself nothing does.

    cut, stop    after so many bytes of either direction: close it with a reset,
                 or pass nothing on any more and keep it open
    cut_answer   reset it instead of passing on the n-th answer "ready" after
                 the start: what was asked is committed, and nobody hears of it
    stop_answer  likewise, but say nothing any more
    delay        seconds before each piece
    """

    def __init__(self, cut=None, stop=None, cut_answer=None, stop_answer=None,
                 delay=0.0):
        self.cut = cut
        self.stop = stop
        self.cut_answer = cut_answer
        self.stop_answer = stop_answer
        self.delay = delay


class Answers:
    """Reads the server's messages: where does an answer "ready" begin?

    The first is the end of the start.  There is no TLS, so each message is a
    letter and a length."""

    def __init__(self):
        self.rest = b""
        self.skip = 0
        self.count = -1

    def find(self, data, wanted):
        """The offset in data of answer number wanted, or None."""
        at = 0
        while True:
            step = min(self.skip, len(data) - at)
            at += step
            self.skip -= step
            if self.skip or at == len(data):
                return None
            take = min(5 - len(self.rest), len(data) - at)
            begins = at
            self.rest += data[at:at + take]
            at += take
            if len(self.rest) < 5:
                return None
            kind, length = struct.unpack("!cI", self.rest)
            self.rest = b""
            self.skip = length - 4
            if kind == b"Z":
                self.count += 1
                if self.count == wanted:
                    return begins


class Connection(threading.Thread):
    def __init__(self, proxy, client, plan):
        super().__init__(daemon=True)
        self.proxy, self.client, self.plan = proxy, client, plan
        self.server = None
        self.answers = Answers()
        self.passed = 0
        self.stopped = False

    def run(self):
        try:
            self.server = socket.create_connection(self.proxy.target, 10)
            self.pass_on()
        except OSError:
            pass
        finally:
            self.close()
            self.proxy.forget(self)

    def pass_on(self):
        while True:
            if self.stopped or self.proxy.stopped:
                # Not even an end is passed on.
                if self.proxy.closing.wait(0.02):
                    return
                if not self.stopped:
                    continue
                if self.proxy.healed.is_set():
                    # Half a message is missing: it cannot go on.
                    return
                continue
            ready, _, _ = select.select([self.client, self.server], [], [],
                                        0.02)
            for source in ready:
                data = source.recv(CHUNK)
                if not data:
                    return
                if self.plan.delay:
                    time.sleep(self.plan.delay)
                to_client = source is self.server
                if not self.spoil(data, to_client):
                    return

    def spoil(self, data, to_client):
        """Pass on what may pass; False: cut."""
        plan, cut = self.plan, False
        for limit, how in ((plan.cut, "cut"), (plan.stop, "stop")):
            if limit is not None and self.passed + len(data) > limit:
                data = data[:max(0, limit - self.passed)]
                self.stopped = how == "stop"
                cut = how == "cut"
        if to_client:
            wanted = plan.cut_answer or plan.stop_answer or 0
            at = self.answers.find(data, wanted or -1)
            if at is not None:
                data = data[:at]
                self.stopped = plan.stop_answer is not None
                cut = plan.cut_answer is not None
        self.passed += len(data)
        if data:
            (self.client if to_client else self.server).sendall(data)
        if cut:
            self.proxy.faults += 1
            self.reset()
            return False
        if self.stopped:
            self.proxy.faults += 1
        return True

    def reset(self):
        for s in (self.client, self.server):
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            except OSError:
                pass
        self.close()

    def close(self):
        for s in (self.client, self.server):
            if s is not None:
                s.close()


class Proxy:
    """plan(n) says what happens to connection n, from 0; heal() ends all of it."""

    def __init__(self, port, plan=None):
        self.target = ("127.0.0.1", port)
        self.plan = plan or (lambda n: Plan())
        self.made = 0
        self.faults = 0
        self.stopped = False
        self.closing = threading.Event()
        self.healed = threading.Event()
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closing.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            plan = Plan() if self.healed.is_set() else self.plan(self.made)
            self.made += 1
            connection = Connection(self, client, plan)
            with self.lock:
                self.connections.add(connection)
            connection.start()

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def cut_all(self):
        """Whatever is open is reset."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.reset()

    def heal(self):
        self.healed.set()
        self.stopped = False
        with self.lock:
            for connection in self.connections:
                if not connection.stopped:
                    connection.plan = Plan()

    def close(self):
        self.closing.set()
        self.listener.close()
        self.cut_all()


def random_bytes(rand, most):
    """Plans that cut or stop each connection somewhere."""

    def plan(_):
        at = rand.randrange(1, most)
        return Plan(cut=at) if rand.random() < 0.8 else Plan(stop=at)

    return plan


def random_answers(rand, most):
    def plan(_):
        return Plan(cut_answer=rand.randrange(1, most))

    return plan


__all__ = ["Plan", "Proxy", "random", "random_answers", "random_bytes"]
