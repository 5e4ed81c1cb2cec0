"""oracle_driver.py: Nova's fake driver with a guest that can be watched.

For every instance that is switched on one process `lab-guest` (guest.c) runs in the host's network namespace. It is not
nova-compute's child: it goes on when nova-compute, host monitor and agents are stopped or killed, and dies with the
host's power or when Nova stops or destroys the instance. Which instances are defined on a host is kept on disk, as
libvirt keeps it, so a host that comes back knows them, switched off, and nova-compute can destroy those that were
evacuated in between. Pause, suspend and live migration are those of the fake driver: they do not touch the guest.

Loaded as `compute_driver = oracle_driver.OracleDriver` (the launcher puts this directory into nova.virt's path);
LAB_GUEST, LAB_TICKS and LAB_DOMAINS name the program, the directory of the ticks and that of the definitions.
"""
import os
import signal
import subprocess
import time

from nova import exception
from nova.compute import power_state
from nova.virt import fake, hardware

START_S = 20  # a start or an end that takes longer is an error of that instance, not a reason to wait for ever
COMM = "lab-guest"


def guests():
    """{instance uuid: [pid, ...]} of the guests in this process's network namespace."""
    here, found = os.readlink("/proc/self/ns/net"), {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() != COMM:
                    continue
            if os.readlink(f"/proc/{pid}/ns/net") == here:
                with open(f"/proc/{pid}/cmdline") as f:
                    found.setdefault(f.read().split("\0")[1], []).append(int(pid))
        except (OSError, IndexError):
            continue  # it ended while we looked
    return found


class OracleDriver(fake.FakeDriver):
    """The fake driver; see above."""

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self.guest = os.environ["LAB_GUEST"]
        self.ticks = os.environ["LAB_TICKS"]
        self.domains = os.environ["LAB_DOMAINS"]

    def init_host(self, host):
        super().init_host(host)
        os.makedirs(self.domains, exist_ok=True)
        running = guests()
        for uuid in os.listdir(self.domains):
            with open(os.path.join(self.domains, uuid)) as f:
                state = power_state.RUNNING if uuid in running else power_state.SHUTDOWN
                self.instances[uuid] = fake.FakeInstance(f.read(), state, uuid)

    # ---- the guest follows the instance

    def _follow(self, uuid):
        """Start or end the guest so that it agrees with the instance's power state; returns when that is so."""
        known = self.instances.get(uuid)
        if known and known.state == power_state.RUNNING:
            if not guests().get(uuid):
                subprocess.run([self.guest, uuid, self._host, known.name, self.ticks], check=True, timeout=START_S)
            return
        end = time.monotonic() + START_S
        while pids := guests().get(uuid):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > end:
                raise exception.InstancePowerOffFailure(reason=f"guest {uuid} does not die")
            time.sleep(0.01)

    def _define(self, uuid):
        with open(os.path.join(self.domains, uuid), "w") as f:
            f.write(self.instances[uuid].name)

    def spawn(self, context, instance, *args, **kwargs):
        super().spawn(context, instance, *args, **kwargs)
        self._define(instance.uuid)
        self._follow(instance.uuid)

    def finish_revert_migration(self, context, instance, *args, **kwargs):
        super().finish_revert_migration(context, instance, *args, **kwargs)
        self._define(instance.uuid)
        self._follow(instance.uuid)

    def power_off(self, instance, *args, **kwargs):
        super().power_off(instance, *args, **kwargs)
        self._follow(instance.uuid)

    def power_on(self, context, instance, *args, **kwargs):
        super().power_on(context, instance, *args, **kwargs)
        self._follow(instance.uuid)

    def migrate_disk_and_power_off(self, context, instance, *args, **kwargs):
        self.power_off(instance)
        return super().migrate_disk_and_power_off(context, instance, *args, **kwargs)

    def destroy(self, context, instance, *args, **kwargs):
        super().destroy(context, instance, *args, **kwargs)
        self._follow(instance.uuid)
        try:
            os.unlink(os.path.join(self.domains, instance.uuid))
        except FileNotFoundError:
            pass

    def get_info(self, instance, use_cache=True):
        info = super().get_info(instance, use_cache)
        if info.state == power_state.RUNNING and not guests().get(instance.uuid):
            return hardware.InstanceInfo(state=power_state.SHUTDOWN)  # it died by itself, or with a power cycle
        return info
