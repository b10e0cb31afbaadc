"""The order of it all: what is started when, what happens when something falls, and how everything ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psutil

from workbench import environment
from workbench.launcher import broker
from workbench.launcher.child import Child, tied_to_launcher
from workbench.launcher.claim import Claim, Facts
from workbench.launcher.errors import LaunchError
from workbench.launcher.port import chosen_port, open_port, page_answers

STARTER = "smollm2-135m-instruct"
READY_WITHIN_S = 90.0
RUNS_SAVE_WITHIN_S = 20
TICK_S = 0.1


class Told(Exception):
    """Somebody asked to end: Ctrl-C, a closed terminal, `make stop`."""


def say(label: str, text: str) -> None:
    print(f"  {label:<9} {text}", flush=True)


class Launcher:
    """Starts the workbench of one home folder and stays until it is told to end."""

    def __init__(self) -> None:
        self.home = environment.home()
        self.port = chosen_port()
        self.claim = Claim(self.home)
        self.env = {**os.environ, "WORKBENCH_HOME": str(self.home), "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        self.children: list[Child] = []
        self.link = ""
        self.told = 0
        # The port stays open here while web is restarted: a browser then waits instead of failing.
        self._listener: socket.socket | None = None
        self._step: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None

    # ── from the first line to the last ───────────────────────────────────────────────────────────────────────
    def run(self) -> int:
        """The exit code: 0 when it was told to end, 1 when it could not start or go on."""
        if not self.claim.take():
            return self.point_to_the_running_one()
        code = 0
        with self.listening_to_signals():
            try:
                self.start()
                self.watch()
            except Told:
                pass
            except LaunchError as error:
                print(f"\n{error}", file=sys.stderr, flush=True)
                code = 1
            finally:
                self.end()
        return code

    def start(self) -> None:
        begun = time.monotonic()
        for name in self.claim.end_leftovers():
            say("cleared", f"{name} was left over from a start that was killed; it has been ended")
        self._listener = open_port(self.port)
        self.note_children()
        self.start_broker()
        self.make_starter()
        self.prepare(self._listener)
        self.wait_for_the_first_page()
        print(f"\nOpen {self.link}", flush=True)
        print(
            f"  The link signs you in, once. Ready after {time.monotonic() - begun:.1f} s; logs: {self.home / 'logs'}"
        )
        print("  Ctrl-C ends everything; running jobs save first and go on at the next start.", flush=True)

    def watch(self) -> None:
        """Look after the children until somebody says to end. Raises LaunchError when one cannot be kept running."""
        while True:
            self.look_after_children()
            self.pause()

    # ── the steps ─────────────────────────────────────────────────────────────────────────────────────────────
    def start_broker(self) -> None:
        given = os.environ.get("REDIS_URL")
        if given:
            broker.check_given(given, self.env)
            say("redis", f"using {broker.without_password(given)}")
            return
        server = broker.find_server()
        socket_path = environment.redis_socket()
        data = self.home / "redis" / "data"
        broker.make_private(self.home / "redis")
        broker.make_private(socket_path.parent)
        data.mkdir(exist_ok=True, mode=0o700)
        child = self.add("redis", broker.command(server, socket_path, data), grace_s=10)
        if not self.broker_came_up(child, socket_path):
            aside = broker.set_aside(data)
            say("redis", f"the server could not read its data; it is kept in {aside} and a new one starts empty")
            child.start()
            if not self.broker_came_up(child, socket_path):
                raise self.gave_up(child)
        say("redis", f"{server.name}, on a private socket")

    def broker_came_up(self, child: Child, socket_path: Path) -> bool:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if broker.answers(socket_path):
                return True
            if child.fell() is not None:
                return False
            self.pause(0.02)
        child.end()
        return False

    def make_starter(self) -> None:
        for line in self.step([sys.executable, "-m", "engine", "starter", str(self.home / "models" / STARTER)]):
            say("model", line)

    def prepare(self, listener: socket.socket) -> None:
        """Migrate; then web and worker start while the rest of the preparation goes on beside them."""
        folder = str(self.home / "models" / STARTER)
        for line in self.step([sys.executable, "-m", "workbench.launcher.prepare", folder]):
            word, _, rest = line.partition(" ")
            if word == "migrated":
                say("database", f"{rest} migrations applied" if rest != "0" else "up to date")
                self.start_web_and_worker(listener)
            elif word == "link":
                self.link = rest
            elif word != "model":
                say("prepare", line)
        if not self.link:
            raise LaunchError("The sign-in link could not be made; the lines above say why.")

    def start_web_and_worker(self, listener: socket.socket) -> None:
        web = [sys.executable, "-m", "workbench.launcher.web", str(listener.fileno())]
        self.add("web", web, pass_fds=(listener.fileno(),))
        worker = [sys.executable, "-m", "celery", "--app", "workbench", "--quiet", "worker", "--beat"]
        worker += ["--concurrency", "1", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        self.add("worker", worker)

    def wait_for_the_first_page(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while not page_answers(self.port):
            if time.monotonic() > until:
                web = next(child for child in self.children if child.name == "web")
                raise LaunchError(
                    "\n".join([f"No page came within {READY_WITHIN_S:.0f} s. web's log ends:", *tail(web)])
                )
            self.look_after_children()
            self.pause()
        say("web", f"answers on port {self.port}; worker started")

    # ── children ──────────────────────────────────────────────────────────────────────────────────────────────
    def add(self, name: str, argv: list[str], *, grace_s: float = 5.0, pass_fds: tuple[int, ...] = ()) -> Child:
        log = self.home / "logs" / f"{name}.log"
        child = Child(name, argv, environment.ROOT, self.env, log, grace_s=grace_s, pass_fds=pass_fds)
        child.start()
        self.children.append(child)
        self.note_children()
        return child

    def note_children(self) -> None:
        pids = [(child.name, child.identity.pid, child.identity.started_at) for child in self.children]
        self.claim.write(Facts(os.getpid(), self.port, pids))

    def look_after_children(self) -> None:
        for child in self.children:
            code = child.fell()
            if code is not None:
                wait = child.restart_later()
                if wait is None:
                    raise self.gave_up(child)
                print(f"\n{child.name} ended unexpectedly ({exit_words(code)}). Its log ends:", flush=True)
                print("\n".join(tail(child)), flush=True)
                say(child.name, f"starting it again in {wait:.0f} s (restart {child.restarts} of 3)")
            elif child.restart_at is not None and time.monotonic() >= child.restart_at:
                child.start()
                self.note_children()
                say(child.name, "started again")

    def gave_up(self, child: Child) -> LaunchError:
        lines = [f"{child.name} does not stay up, so everything is ended. Its log ({child.log}) ends:", *tail(child)]
        return LaunchError("\n".join(lines))

    # ── one-off steps, interruptible ──────────────────────────────────────────────────────────────────────────
    def step(self, argv: list[str]) -> Iterator[str]:
        """The lines a helper process prints. Raises LaunchError when it fails, Told when somebody says to end."""
        with subprocess.Popen(
            argv,
            cwd=environment.ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=tied_to_launcher(),
        ) as running:
            self._step = running
            try:
                if self.told:
                    running.terminate()
                assert running.stdout is not None
                for line in running.stdout:
                    yield line.rstrip()
            finally:
                self._step = None
                if sys.exc_info()[0] is not None:
                    running.terminate()
        if self.told:
            raise Told
        if running.returncode != 0:
            raise LaunchError(
                f"{' '.join(argv[1:4])} failed ({exit_words(running.returncode)}); the lines above say why."
            )

    def pause(self, seconds: float = TICK_S) -> None:
        time.sleep(seconds)
        if self.told:
            raise Told

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────
    @contextlib.contextmanager
    def listening_to_signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._tell) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """The first time: end in order. Again: whoever asks twice does not want to wait."""
        self.told += 1
        if self._step is not None:
            self._step.terminate()
        if self.told > 1:
            for child in self.children:
                child.grace_s = 0.0
                if child.running is not None and child.running.poll() is None:
                    child.running.kill()

    def end(self) -> None:
        """Nothing this launcher started is left: web and worker, then running jobs (they save), then Redis."""
        if self.told:
            print("\nEnding.", flush=True)
        upper = [child for child in self.children if child.name != "redis"]
        for child in upper:
            child.ask_to_end()
        for child in upper:
            child.end()
        self.stop_jobs()
        for child in self.children:
            child.end()
        if self._listener is not None:
            self._listener.close()
        self.claim.give_up()
        say("ended", "everything has ended")

    def stop_jobs(self) -> None:
        """Training outlives web and worker by design; here it saves a checkpoint and waits in the queue."""
        while jobs_are_running(self.home):
            patience = 0 if self.told > 1 else RUNS_SAVE_WITHIN_S
            say("jobs", f"saving what is running, at most {patience} s" if patience else "ending what is running")
            command = [sys.executable, "manage.py", "stop_runs", "--seconds", str(patience)]
            with subprocess.Popen(
                command, cwd=environment.ROOT, env=self.env, stdin=subprocess.DEVNULL, start_new_session=True
            ) as self._step:
                pass
            self._step = None
            if patience == 0 or self.told < 2:
                return

    def point_to_the_running_one(self) -> int:
        """A second `make run` beside the first: where it is, and a link of one's own."""
        facts = self.claim.read()
        if facts is None:
            print("The workbench is being started or ended in this home folder right now; try again shortly.")
            return 1
        print(f"The workbench is already running at http://127.0.0.1:{facts.port}/ (process {facts.pid}).")
        self.env["PORT"] = str(facts.port)
        ask = [sys.executable, "-m", "workbench.launcher.prepare"]
        made = subprocess.run(ask, cwd=environment.ROOT, env=self.env, stdout=subprocess.PIPE, text=True, check=False)
        link = next((line[5:] for line in made.stdout.splitlines() if line.startswith("link ")), "")
        if link:
            print(f"Open {link}")
        print("  make stop ends it. A second one needs a home of its own: make run WORKBENCH_HOME=… PORT=…")
        return 0


def jobs_are_running(home: Path) -> bool:
    """Whether a supervisor of this home's runs is there. Asking the database would load Django, mostly for nothing."""
    for running in psutil.process_iter(["cmdline"]):
        words = running.info["cmdline"] or []
        if "supervise" in words and "manage.py" in words:
            with contextlib.suppress(psutil.Error):
                if running.environ().get("WORKBENCH_HOME") == str(home):
                    return True
    return False


def exit_words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(child: Child) -> list[str]:
    return [f"    {line}" for line in child.last_lines()] or ["    (its log is empty)"]
