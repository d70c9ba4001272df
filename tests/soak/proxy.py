"""A TCP proxy between workers and the coordinator that can delay, hold back and cut what passes.

Bytes of a TCP stream cannot be left out one by one: a message is dropped by cutting the connection behind it, and sent twice by
holding back its acknowledgement until the cut, since the worker then sends it again.
"""
import contextlib
import socket
import threading

TO_COORDINATOR, TO_WORKER = "to coordinator", "to worker"


class Proxy:
    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.changed = threading.Condition()
        self.held = frozenset()  # directions that nothing passes in
        self.delay_s = 0.0
        self.pairs = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start(self.accept)

    def start(self, function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                self.start(self.connect, self.listener.accept()[0])

    def connect(self, worker):
        with self.changed:
            self.changed.wait_for(lambda: not self.held)  # a partition lets no connection through
        try:
            coordinator = socket.create_connection(self.target, timeout=5)
        except OSError:
            worker.close()  # the coordinator is away
            return
        coordinator.settimeout(None)
        pair = (worker, coordinator)
        with self.changed:
            self.pairs.add(pair)
        self.start(self.pump, worker, coordinator, TO_COORDINATOR, pair)
        self.start(self.pump, coordinator, worker, TO_WORKER, pair)

    def pump(self, source, sink, direction, pair):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.may_pass(direction, pair):
                    break
                sink.sendall(data)
        self.close(pair)

    def may_pass(self, direction, pair):
        with self.changed:
            self.changed.wait_for(lambda: pair not in self.pairs, self.delay_s)
            self.changed.wait_for(lambda: direction not in self.held or pair not in self.pairs)
            return pair in self.pairs

    def close(self, pair):
        with self.changed:
            self.pairs.discard(pair)
            self.changed.notify_all()
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def hold(self, *directions):
        """Nothing passes in these directions, and nobody connects, until heal(). Without any: in both."""
        with self.changed:
            self.held = frozenset(directions or (TO_COORDINATOR, TO_WORKER))

    def heal(self):
        with self.changed:
            self.held, self.delay_s = frozenset(), 0.0
            self.changed.notify_all()

    def cut(self):
        """Ends all connections; what is under way is lost."""
        with self.changed:
            pairs = list(self.pairs)
        for pair in pairs:
            self.close(pair)
        return len(pairs)

    def end(self):
        self.listener.close()
        self.heal()
        self.cut()
