"""T13: the same file is submitted by 16 clients at a time; half of the clients are killed before their answer.

--count N: submissions.
"""
import re
import subprocess

from soak import COORDINATOR, Cluster, main, pause, quickly

CLIENTS = 16


def submit(cluster, path):
    return subprocess.Popen([COORDINATOR, "submit", str(path), "--coordinator", cluster.address], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def sweep_of(client):
    """The number that an answered client was told."""
    text = client.communicate(timeout=120)[0]
    assert client.returncode == 0, f"a client was refused: {text}"
    found = re.search(r"sweep (\d+)", text)
    assert found, f"no sweep's number in: {text}"
    return int(found.group(1))


def one_wave(cluster, path, clients, random):
    """(numbers that were told, clients that were killed before they ended)."""
    started = [submit(cluster, path) for _ in range(clients)]
    victims = random.sample(started, clients // 2)
    pause(random.uniform(0, 0.15))
    killed = 0
    for victim in victims:
        if victim.poll() is None:
            victim.kill()
            killed += 1
    told = {sweep_of(client) for client in started if client not in victims}
    for victim in victims:
        victim.communicate()
    return told, killed


def run(count, random):
    trials = 200
    with Cluster() as cluster:
        server = cluster.serve()
        path = cluster.sweep_file(trials)
        told, killed, done = set(), 0, 0
        while done < count:
            clients = min(CLIENTS, count - done)
            numbers, victims = one_wave(cluster, path, clients, random)
            told, killed, done = told | numbers, killed + victims, done + clients
            if done < count <= 2 * done and server is not None:  # once, in the middle: a restart forgets nothing
                server.kill()
                server.wait()
                cluster.serve(listen=cluster.address)
                server = None
        quickly(lambda: cluster.count("SELECT COUNT(*) FROM trial WHERE state = 'queued'") == trials, "all trials are queued")
        sweeps = cluster.query("SELECT id FROM sweep")
        assert [{number} for number, in sweeps] == [told], f"sweeps {sweeps}, clients were told {told}"
        assert cluster.count("SELECT COUNT(*) FROM trial") == trials, "trials are missing or too many"
        assert cluster.count("SELECT COUNT(*) FROM claim") == trials, "claims are missing or too many"
        assert killed > 0, "no client was killed before its answer"
        return (f"T13 submitted {count} times by {CLIENTS} clients, {killed} of them killed before the answer: 1 sweep, "
                f"{trials} trials, every answer named it")


main(run, default_count=64)
