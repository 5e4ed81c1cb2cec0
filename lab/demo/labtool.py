"""labtool.py: the lab's commands, as seen from Python. Every call has a deadline."""
import os
import pathlib
import subprocess
import time

from cloud import Cloud
from oracle.analyse import Oracle

HERE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = str(HERE / "lab")
COMMAND_S = 120


class LabError(Exception):
    """A command of the lab failed, or something did not happen in time. The text says what."""


def until(what, done, seconds, pause=0.2):
    """The first true value of `done()`; LabError when there is none within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = done()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


class Lab:
    """The lab of this LAB_ID, which is up."""

    def __init__(self):
        text = self.run("env")
        self.env = dict(word.split("=", 1) for line in text.splitlines() if line.startswith("export ")
                        for word in line.removeprefix("export ").split() if "=" in word)
        self.dir = pathlib.Path(self.env["LAB"])
        self.oracle = Oracle(str(self.dir / "oracle"))

    def run(self, *words, seconds=COMMAND_S, stdin=None):
        """Standard output of `lab WORDS`; LabError with what it said when it fails."""
        try:
            r = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=seconds, input=stdin)
        except subprocess.TimeoutExpired:
            raise LabError(f"lab {' '.join(words)}: no end within {seconds:g} s") from None
        if r.returncode:
            raise LabError(f"lab {' '.join(words)}: {(r.stderr + r.stdout).strip()}")
        return r.stdout.strip()

    def works(self, *words):
        """Whether `lab WORDS` succeeds."""
        try:
            self.run(*words)
            return True
        except LabError:
            return False

    def cloud(self):
        """A client of the lab's Keystone and Nova, as the administrator."""
        return Cloud(self.env["OS_AUTH_URL"], self.env["OS_PASSWORD"])

    def client_env(self):
        """The environment of an ordinary shell after `eval "$(lab/lab env)"`."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
        env.update({k: v for k, v in self.env.items() if k != "PATH"})
        env["PATH"] = f"{self.env['THEMIS_BIN_DIR']}:/usr/sbin:/usr/bin:/sbin:/bin"
        return env

    def sql(self, statement):
        """Rows of a query of Themis's database, as lists of texts (NULL is the text NULL)."""
        rows = self.run("sql", "themis", stdin=statement, seconds=20)
        return [line.split("\t") for line in rows.splitlines()]

    def log(self, name):
        """Lines of log/NAME.log."""
        try:
            return (self.dir / "log" / (name + ".log")).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def hosts(self):
        """Names as Nova has them: compute-1 .. compute-N."""
        numbers = [p.name[1:] for p in (self.dir / "hosts").glob("h[0-9]*") if (p / "boot_id").exists()]
        return [f"compute-{n}" for n in sorted(numbers, key=int)]
